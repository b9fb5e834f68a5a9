"""What a beat costs between a member and the relay of its host: by a Unix socket, and by a page of counters."""

import json
import subprocess

MEMBERS = 50
BEATS_A_SECOND = 200


def local_beats(programs):
    """Prints the cost of both ways for the members of one host."""
    done = subprocess.run([str(programs / "examples/local-beat")], check=True, capture_output=True, text=True, timeout=120)
    cost = json.loads(done.stdout)
    print(f"\na beat between a member and the relay of its host; {MEMBERS} members at 5 ms:")
    ways = [("Unix socket", cost["send"], cost["receive"]), ("page of counters", cost["store"], cost["scan"])]
    for name, member, relay in ways:
        share = (member + relay) * MEMBERS * BEATS_A_SECOND / 1e9
        print(f"  {name:16}  member {member:7,.1f} ns  relay {relay:7,.1f} ns  together {share:7.3%} of a core")
