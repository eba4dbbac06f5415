#!/bin/sh
# No init system runs during an image build, so a package must not try to start its service.
exit 101
