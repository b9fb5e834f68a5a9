"""How often members are declared dead that live, and for how long: the figures of Chen, Toueg and Aguilera,
"On the Quality of Service of Failure Detectors", IEEE Transactions on Computers 51(5), 2002."""

import time
from collections import namedtuple

# `stood`: members at a time; `recurrence`: seconds of one member's life from one mistake to the next;
# `duration`: seconds that one lasts; `accuracy`: the share of time in which a member that lives is not taken
# for dead. None: not to be had.
Mistakes = namedtuple("Mistakes", "count seconds stood recurrence duration accuracy deposed")

# One that returns late still ends a mistake.
AFTERMATH = 2


def count_mistakes(crowd, seconds):
    """Watches the members of a crowd for so long, all of whom live."""
    if crowd.kind.returns:
        return of_events(crowd, seconds)
    return of_znodes(crowd, seconds)


def of_events(crowd, seconds):
    """Counted by the master's reports of members that died and have returned."""
    kind = crowd.kind
    first, begin = len(kind.events), time.monotonic()
    while (left := begin + seconds - time.monotonic()) > 0:
        time.sleep(min(left, 1))
        if not crowd.look():
            crowd.fail("a member has not beaten")
    seconds = time.monotonic() - begin
    died = list(kind.reported("died", first))
    time.sleep(AFTERMATH)
    durations = []
    for at, node in died:
        back = [when for when, who in kind.reported("returned", first) if who == node and when >= at]
        durations.append(min(back, default=at + AFTERMATH) - at)
    # Who lives and follows the standing master never is one, unless that was deposed.
    deposed = len(list(kind.reported("claimed", first)))
    return figures(durations, len(died), seconds, seconds * crowd.size, deposed)


def of_znodes(crowd, seconds):
    """As the znodes go of those that live. They never come back, and others take their place."""
    mistaken, watched, begin = crowd.mistaken, crowd.watched(), time.monotonic()
    while time.monotonic() < begin + seconds:
        crowd.top_up()
        time.sleep(0.1)
    count = crowd.mistaken - mistaken
    return figures(None, count, time.monotonic() - begin, crowd.watched() - watched, 0)


def per_hour(count, watched):
    return count / watched * 3600 if watched else 0


def figures(durations, count, seconds, watched, deposed):
    recurrence = watched / count if count else None
    duration = sum(durations) / count if durations else None
    accuracy = None if durations is None else 1 - sum(durations) / watched
    return Mistakes(count, seconds, watched / seconds, recurrence, duration, accuracy, deposed)
