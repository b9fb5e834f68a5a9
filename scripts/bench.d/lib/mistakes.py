"""How often members are declared dead that live, and for how long: the figures of Chen, Toueg and Aguilera,
"On the Quality of Service of Failure Detectors", IEEE Transactions on Computers 51(5), 2002."""

import time
from collections import namedtuple
from datetime import datetime

# `stood`: members at a time; `recurrence`: seconds of one member's life from one mistake to the next;
# `duration`: seconds that one lasts; `accuracy`: the share of time in which a member that lives is not taken
# for dead. None: not to be had. `deposed`: how often the master was taken for dead. `deaths`: seconds from the
# beginning, and the event, of each that was reported, the master's among them. `early`: those before all stood.
Mistakes = namedtuple("Mistakes", "count seconds stood recurrence duration accuracy deposed deaths early")

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
    first, begin, clock = len(kind.events), time.monotonic(), time.time()
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
    # The dedicated master lives, too, and those that were masters in between.
    claims = [event for event in kind.events[first:] if event["event"] == "claimed"]
    deposed = [event for event in claims if event.get("previous", {}).get("went") == "dead"]
    found = figures(durations, len(died), seconds, seconds * crowd.size, len(deposed))
    deaths = deposed + [event for event in kind.events[first:] if event["event"] == "died"]
    timed = [(datetime.fromisoformat(event["time"]).timestamp() - clock, event) for event in deaths]
    early = sum(event["event"] == "died" for event in kind.events[:first])
    return found._replace(deaths=sorted(timed, key=lambda death: death[0]), early=early)


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
    return Mistakes(count, seconds, watched / seconds, recurrence, duration, accuracy, deposed, [], 0)
