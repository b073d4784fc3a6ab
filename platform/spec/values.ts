import { isIP } from 'node:net';
import { z } from 'zod';

/** Text that a pattern describes, with what is expected and how to mend it, also where there is none or no text. */
export const checked = (matches: RegExp | ((text: string) => boolean), expected: string, mend: string) => {
  const error = `${expected} | ${mend}`;
  const right = typeof matches === 'function' ? matches : (text: string) => matches.test(text);
  return z.string({ error }).refine(right, { error });
};

const label = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';

export const hostName = checked(
  new RegExp(`^(?=.{1,253}$)${label}(\\.${label})*$`),
  'a DNS name in lower case, with labels of at most 63 characters',
  'write it like ml.example.com',
);
export const objectName = checked(
  new RegExp(`^${label}$`),
  'a Kubernetes name: at most 63 lower-case letters, digits and hyphens',
  'write it like red-team',
);
const isRange = (text: string): boolean => {
  const [address = '', length = '', ...rest] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address) as 0 | 4 | 6];
  return rest.length === 0 && /^\d{1,3}$/.test(length) && Number(length) <= bits;
};

export const cidr = checked(
  isRange,
  'an address range in CIDR notation',
  'write it like 10.20.0.0/24, or 10.20.0.7/32 for one address',
);
/** A volume as `confirmDataLoss` names it. */
export const volumeName = checked(
  new RegExp(`^${label}/${label}$`),
  'a volume as <namespace>/<claim>',
  'write it like data/postgres',
);
/** ValidatingAdmissionPolicy v1 and `preStop.sleep` are there from this minor version on. */
const oldestMinor = 30;
export const version = checked(
  /^1\.\d+$/,
  'a minor version of Kubernetes',
  "write it like '1.35': with the dot, in quotes",
).refine((text) => !(Number(/^1\.(\d+)$/.exec(text)?.[1]) < oldestMinor), {
  error: `1.${oldestMinor} or later, because older API servers lack what the manifests use | upgrade the cluster first`,
});
export const registry = checked(
  /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._/-]+)?$/,
  'a registry without a scheme',
  'write it like registry.example.com/team',
);
export const port = z.int().min(1).max(65_535);
export const gibibytes = z.int().min(1).max(65_536);
export const replicas = z.int().min(1).max(50);
