/** What a team may use at most in its namespace. */
export interface TeamLimits {
  /** Sum of CPU requests, in cores. */
  readonly cpu: number;
  /** Sum of memory limits, in GiB. */
  readonly memoryGiB: number;
  /** Sum of volume sizes, in GiB. */
  readonly storageGiB: number;
  readonly pods: number;
}

/** A team's own place on the platform, as components that work for teams see it. */
export interface TeamSpace {
  readonly name: string;
  /** Where what the team runs lives. */
  readonly namespace: string;
  /** The group of the identity provider whose members belong to it. */
  readonly group: string;
  readonly limits: TeamLimits;
}
