import { z } from 'zod';

const link = z.strictObject({ title: z.string().min(1), url: z.url(), about: z.string().default('') });

const tool = link.extend({
  /** Who may use it: everybody who belongs to a team, one team, or administrators alone. */
  audience: z.union([
    z.literal('everybody'),
    z.literal('administrators'),
    z.strictObject({ team: z.string().min(1) }),
  ]),
  /** The workload behind its address, whose health is the tool's. */
  workload: z.strictObject({ namespace: z.string().min(1), name: z.string().min(1) }),
});

const platform = z.strictObject({
  /** What the environment is called on the page: its domain. */
  name: z.string().min(1),
  teams: z.array(z.strictObject({ name: z.string().min(1), namespace: z.string().min(1) })),
  /** Namespaces with the platform's own workloads. */
  namespaces: z.array(z.string().min(1)),
  tools: z.array(tool),
  documentation: z.array(link),
});

/** What the portal is told of the platform, as platform.json has it. */
export type Platform = z.infer<typeof platform>;
export type Tool = z.infer<typeof tool>;
export type Link = z.infer<typeof link>;
export type Team = Platform['teams'][number];

/** Throws with every mistake of the file. */
export const parsePlatform = (text: string): Platform => {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw new Error(`platform.json: not JSON: ${String(error)}`);
  }
  const parsed = platform.safeParse(given);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`platform.json:\n  ${mistakes.join('\n  ')}`);
};
