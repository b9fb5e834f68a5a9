"""Goals, and whether they were met: printed only, since a busy machine can miss one."""

verdicts = []


def judge(goal, met):
    verdicts.append(met)
    return f"goal {goal}: {'met' if met else 'MISSED'}"
