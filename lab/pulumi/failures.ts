import type { RunError } from '../support/exec.ts';

/** The engine's own word about a resource whose failure it tells elsewhere, and where in the SDK it noticed. */
const noise = /^(?:Error: resource .* failed to register|at .*)$/;

const errorsOf = (block: string): readonly string[] => {
  const [head = '', ...lines] = block.split('\n');
  const [, type = '', name = ''] = /^ {2}(\S+) \((.*)\):$/.exec(head) ?? [];
  const errors: string[][] = [];
  let current: string[] | undefined;
  for (const line of lines) {
    const [, severity, text] = /^ {4}(error|warning|info|debug): (.*)$/.exec(line) ?? [];
    if (severity === undefined) current?.push(line.slice(4));
    else {
      current = severity === 'error' ? [text ?? ''] : undefined;
      if (current !== undefined) errors.push(current);
    }
  }
  const who = type === 'pulumi:pulumi:Stack' ? '' : `${type.split(':').at(-1)} ${name}: `;
  return errors.flatMap((error) => {
    const kept = error.filter((line) => line.trim() !== '' && !noise.test(line.trim()));
    return kept.length === 0 ? [] : [`  ${who}${kept.join('\n  ')}`];
  });
};

/** Each resource that failed and why, out of all that `pulumi up` said; its last lines when it didn't come that far. */
export const failuresOf = ({ output, message, log }: RunError): string => {
  const diagnostics = output.split(/^Diagnostics:$/m)[1]?.split(/^(?:Outputs|Resources|Duration):/m)[0];
  const failures = (diagnostics ?? '').split(/\n(?= {2}\S)/).flatMap(errorsOf);
  if (failures.length === 0) return message;
  const where = log === undefined ? '' : `\nwhole output: ${log}`;
  return `the update failed:\n${failures.join('\n')}${where}`;
};
