# Everything copied, everything as root, and a start script that keeps the signal for itself.
FROM python:3.13-slim-trixie
WORKDIR /app
COPY . .
RUN pip install -r requirements.txt
RUN printf '#!/bin/sh\necho "starting the worker"\npython -m worker\n' > start.sh && chmod +x start.sh
CMD ["./start.sh"]
