"""Who may do what: a team's people and jobs work in the workspace of the team's name, and see no other.

MLflow keeps workspaces apart: every experiment, run, trace, model, artifact and webhook belongs to one, and each
request sees the one it names. What is decided here is which one somebody may name.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from plinth_issuer import Person

# What was there before there were teams, and what administrators share: everybody reads it.
SHARED = "default"
ADMINISTRATORS = "platform-admins"

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# MLflow asks with POST where a question is long.
_ASKS = re.compile(r"/(?:ajax-)?api/\d\.\d/mlflow/(?:[\w-]+/)*(?:search|search-[\w-]+|get-[\w-]+)|/graphql")


class Denied(Exception):
    """Known, but not allowed; the message says what would be."""


def reads(method: str, path: str) -> bool:
    return method in _SAFE or (method == "POST" and _ASKS.fullmatch(path) is not None)


@dataclass(frozen=True)
class Access:
    teams: frozenset[str]

    def administers(self, person: Person) -> bool:
        return ADMINISTRATORS in person.groups

    def visible(self, person: Person, workspaces: Iterable[str]) -> list[str]:
        return [each for each in workspaces if self._sees(person, each)]

    def workspace(self, person: Person, asked: str | None, only_reads: bool) -> str:
        """Where a request goes that names this workspace, or none. Raises `Denied`."""
        teams = sorted(self._teams_of(person))
        chosen = asked or (teams[0] if len(teams) == 1 and not self.administers(person) else SHARED)
        if not self._sees(person, chosen):
            raise Denied(f"workspace {chosen} isn't open to {person.name}; it may enter {', '.join([*teams, SHARED])}")
        if chosen in teams or only_reads or self.administers(person):
            return chosen
        where = f"name your team's: MLFLOW_WORKSPACE, one of {', '.join(teams)}" if teams else "ask to join a team"
        raise Denied(f"{person.name} may only read in workspace {chosen}; {where}")

    def _sees(self, person: Person, workspace: str) -> bool:
        return self.administers(person) or workspace == SHARED or workspace in self._teams_of(person)

    def _teams_of(self, person: Person) -> frozenset[str]:
        return self.teams & person.groups
