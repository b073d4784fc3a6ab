import type { Platform, Team } from '../platform.ts';

/** Who looks, by a token of the issuer's that was verified here. */
export interface Person {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What a person may see and do: decided here, and only by groups of the verified token. */
export class Rights {
  readonly person: Person;
  readonly administers: boolean;
  /** Teams that the person belongs to. */
  readonly own: readonly Team[];
  /** Teams whose things the person sees: an administrator everybody's. */
  readonly teams: readonly Team[];

  constructor(person: Person, platform: Pick<Platform, 'teams'>, adminGroup: string) {
    this.person = person;
    this.administers = person.groups.includes(adminGroup);
    this.own = platform.teams.filter(({ name }) => person.groups.includes(name));
    this.teams = this.administers ? platform.teams : this.own;
  }

  /** Whether somebody who belongs to nothing looks. */
  get none(): boolean {
    return !this.administers && this.own.length === 0;
  }

  sees(team: string): boolean {
    return this.teams.some(({ name }) => name === team);
  }

  seesNamespace(namespace: string): boolean {
    return this.teams.some((team) => team.namespace === namespace);
  }
}
