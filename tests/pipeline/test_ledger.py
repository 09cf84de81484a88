from __future__ import annotations

from nni_darts.pipeline.ledger import Ledger


def test_ids_are_new_and_above_those_of_an_earlier_life() -> None:
    ledger = Ledger()
    ledger.skip([3, 7])
    ledger.adopt(5, "search/0", 1)
    assert [ledger.issue("search/1", 1), ledger.issue("search/2", 1)] == [8, 9]
    assert ledger.live == 3


def test_an_end_belongs_to_the_task_of_the_record() -> None:
    ledger = Ledger()
    number = ledger.issue("search/0", 2)
    assert ledger.ended("trial", number) == ("search/0", 2)
    assert ledger.live == 0


def test_after_a_swap_an_end_belongs_to_what_the_trial_reported() -> None:
    ledger = Ledger()
    first, second = ledger.issue("search/0", 1), ledger.issue("search/1", 1)
    ledger.reported("a", second)
    ledger.reported("a", 99)
    assert ledger.ended("a", first) == ("search/1", 1)
    assert ledger.ended("b", second) == ("search/1", 1)


def test_foreign_trials_are_not_counted() -> None:
    ledger = Ledger()
    ledger.issue("search/0", 1)
    assert ledger.ended("stranger", 17) is None
    assert ledger.live == 1
