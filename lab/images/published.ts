import { image, type PublishedImageName, reference } from '../../constructs/catalogue/index.ts';
import { ctr } from '../kubernetes/node.ts';
import { run } from '../support/exec.ts';

/** How long a registry may take to send an image; one that isn't reached says so at once or within this. */
const pullSeconds = 300;
const reachSeconds = 20;

/**
 * Which of these images this machine can't have: the node has none of them and no registry answers. Those that can be
 * had are on the node then.
 */
export const absentImages = async (
  names: readonly PublishedImageName[],
  present: ReadonlySet<string>,
  log: string,
): Promise<readonly PublishedImageName[]> => {
  const absent: PublishedImageName[] = [];
  for (const name of names) {
    const wanted = reference(image(name));
    if (present.has(wanted)) continue;
    try {
      await run(ctr('content', 'fetch', '--metadata-only', wanted), { log, timeoutMs: reachSeconds * 1000 });
      await run(ctr('images', 'pull', wanted), { log, timeoutMs: pullSeconds * 1000 });
    } catch {
      absent.push(name);
    }
  }
  return absent;
};

const titles: Readonly<Partial<Record<PublishedImageName, string>>> = { grafana: 'Grafana' };

/** Said in the summary and by `plinth status`: what isn't there is never faked. */
export const absentNote = (name: PublishedImageName): string =>
  `${titles[name] ?? name}: its image can't be had on this machine without a container registry`;
