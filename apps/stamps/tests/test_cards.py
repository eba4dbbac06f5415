"""python3 -m unittest discover tests"""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from cards import answer


class Memory(dict):
    def set(self, key, value):
        self[key] = value

    def delete(self, key):
        self.pop(key, None)


class Cards(unittest.TestCase):
    def setUp(self):
        self.store = Memory()

    def ask(self, method, uri, **headers):
        found = answer(method, uri, headers, self.store, "staff-only")
        return found.status, json.loads(found.body or b"null")

    def test_a_new_card_is_empty(self):
        card = {"customer": "ada", "stamps": 0, "freeCups": 0}
        assert self.ask("GET", "/cards/ada") == (200, card)
        assert self.store == {}

    def test_stamps_add_up_for_each_customer(self):
        for _ in range(11):
            self.ask("POST", "/cards/ada/stamps")
        self.ask("POST", "/cards/bob/stamps?from=shop")
        assert self.ask("GET", "/cards/ada")[1]["stamps"] == 11
        assert self.ask("GET", "/cards/ada")[1]["freeCups"] == 1
        assert self.ask("GET", "/cards/bob")[1]["stamps"] == 1

    def test_only_the_staff_takes_a_card_away(self):
        self.ask("POST", "/cards/ada/stamps")
        for wrong in ({}, {"authorization": "Bearer "}, {"authorization": "staff-only"}):
            assert self.ask("DELETE", "/cards/ada", **wrong)[0] == 401
        assert self.ask("GET", "/cards/ada")[1]["stamps"] == 1
        right = {"authorization": "Bearer staff-only"}
        assert self.ask("DELETE", "/cards/ada", **right) == (204, None)
        assert self.ask("GET", "/cards/ada")[1]["stamps"] == 0

    def test_other_paths_and_methods(self):
        for path in ("/", "/cards", "/cards/", "/cards/Ada", "/cards/a/b", "/cards/" + "a" * 41):
            assert self.ask("GET", path)[0] == 404, path
        assert self.ask("GET", "/cards/ada/stamps")[0] == 405
        assert self.ask("PUT", "/cards/ada")[0] == 405
        assert self.store == {}


if __name__ == "__main__":
    unittest.main()
