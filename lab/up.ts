import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environments } from '../environments/index.ts';
import { labLock } from './down.ts';
import { setHosts } from './hosts.ts';
import { comingImages } from './images/build.ts';
import { imagesOf } from './images/needed.ts';
import { absentImages, absentNote } from './images/published.ts';
import { provideShared } from './images/shared.ts';
import { boot, type RunningLab } from './kubernetes/boot.ts';
import { buildKubernetes, buildNetpol, buildSmallPrograms } from './kubernetes/build.ts';
import { seedNode } from './kubernetes/image-store.ts';
import { importImage, presentImages, systemImages } from './kubernetes/images.ts';
import { foldersOf, lab } from './kubernetes/layout.ts';
import { refuseForeignLab } from './kubernetes/owner.ts';
import { trustRegistry } from './kubernetes/registries.ts';
import { preparePrerequisites, requireHost } from './prerequisites.ts';
import { kubectlDelete, ownObjects } from './pulumi/abandoned.ts';
import { offlineEnvironment, pulumiToolchain } from './pulumi/build.ts';
import { recorded } from './pulumi/last-apply.ts';
import { LocalStack, type StackOutputs, UpdateFailed } from './pulumi/stack.ts';
import { standIns, summary, writeOutputs } from './summary.ts';
import { withLock } from './support/lock.ts';
import { Progress } from './support/progress.ts';
import { together } from './support/together.ts';
import { readerOf, waitForWorkloads } from './workloads.ts';

const readySeconds = 900;

/** The stack of the environment `local` on this lab. */
export const labStack = (
  checkout: string,
  toolchain: { readonly path: string },
  kubectl: (args: readonly string[]) => Promise<string>,
  /** Published images that this machine can't have; unset: those of the last update. */
  absent?: readonly string[],
): LocalStack => {
  const { root, kubeconfig } = foldersOf(checkout);
  return new LocalStack({
    project: checkout,
    name: 'local',
    folder: root,
    // Pulumi's own files too stay in the checkout: a user's plug-ins and credentials are none of the lab's.
    environment: { ...offlineEnvironment(toolchain), PULUMI_HOME: join(root, 'pulumi-home') },
    settings: {
      'plinth:context': lab.context,
      'plinth:kubeconfig': kubeconfig,
      ...(absent === undefined ? {} : { 'plinth:absentImages': absent.join(',') || 'none' }),
    },
    removeAbandoned: (object) => kubectl(kubectlDelete(object)),
    ownObjects: () => ownObjects(kubectl),
  });
};

/** The rest of a platform whose update failed in part is of use: it is opened, and then the failure told. */
const updateFailure = (error: unknown): UpdateFailed => {
  if (error instanceof UpdateFailed) return error;
  throw error;
};

const hasMonitoring = (): boolean => environments['local']?.monitoring?.kind === 'on';

const openDoor = async (running: RunningLab, outputs: StackOutputs, logs: string): Promise<void> => {
  const names = Object.values(outputs.endpoints).map(({ url }) => new URL(url).hostname);
  setHosts([...new Set(names)], lab.door.address);
  const target = await running.kubectl([
    ...['get', 'service', 'gateway', '--namespace', 'gateway'],
    ...['-o', 'jsonpath={.spec.clusterIP}:{.spec.ports[?(@.name=="https")].port}'],
  ]);
  const programs = await buildSmallPrograms();
  const listen = `${lab.door.address}:${lab.door.port}`;
  const daemon = {
    name: 'forward',
    log: join(logs, 'forward.log'),
    command: [join(programs, 'forward'), listen, target],
  };
  await running.daemons.ensure(daemon);
};

/**
 * Lets the node pull from the platform's own registry, and gives it the image that teams build on where a team has an
 * image of its own: nobody else needs it there.
 */
const openRegistry = async (running: RunningLab, outputs: StackOutputs, log: string): Promise<void> => {
  const url = outputs.endpoints['registry']?.url;
  const { ca: authority } = outputs;
  if (url === undefined || authority === undefined) return;
  const host = new URL(url).hostname;
  trustRegistry(host, authority);
  if (!environments['local']?.teams?.some(({ images = [] }) => images.length > 0)) return;
  const encoded = await running.kubectl([
    ...['get', 'secret', '--namespace', 'registry', 'registry-shared'],
    ...['-o', 'jsonpath={.data.\\.dockerconfigjson}'],
  ]);
  const login = Buffer.from(encoded, 'base64').toString();
  await provideShared('notebook', { host, authority, login }, log);
};

const buildPrograms = async (progress: Progress) => {
  const built = await progress.step('Kubernetes programs', async ({ log }) => ({
    programs: await buildKubernetes(log),
    netpol: await buildNetpol(log),
  }));
  const toolchain = await progress.step('Pulumi tool chain', ({ log }) => pulumiToolchain(log));
  return { ...built, toolchain };
};

/** Brings the platform up on this machine; every step may be interrupted, and the next run continues. */
export const up = async (checkout: string): Promise<void> => {
  requireHost();
  const folders = foldersOf(checkout);
  const waiting = (): void =>
    console.log('another make up or make down of this host is at work; waiting for it');
  await withLock(
    labLock,
    async () => {
      refuseForeignLab(checkout);
      mkdirSync(folders.root, { recursive: true, mode: 0o755 });
      const progress = new Progress(9, folders.logs);
      await progress.step('Prerequisites', ({ log }) => preparePrerequisites(folders.root, log));
      const needed = imagesOf();
      // Compilers take every core, and images wait for the network and the disk: side by side they are done sooner.
      const [{ programs, netpol, toolchain }, images] = await together(
        buildPrograms(progress),
        progress.step('Images', async ({ log, note }) => {
          const system = await systemImages(log);
          const { images, all } = comingImages({ log, note, only: needed.built });
          // The next is built while one is unpacked: a compiler and a disk.
          const node = seedNode(folders.images, [...Object.values(system), ...images], { log, note });
          const [platform] = await together(all, node);
          return { system, platform };
        }),
      );
      const running = await progress.step('Boot Kubernetes', ({ note }) =>
        boot({ checkout, programs, netpol, images: images.system, note }),
      );
      const absent = await progress.step('Import images', async ({ log, note }) => {
        const present = await presentImages();
        const missing = images.platform.filter(({ reference }) => !present.has(reference));
        for (const image of missing) {
          note(image.reference);
          await importImage(image, log);
        }
        return absentImages(needed.published, present, log);
      });
      const { outputs, failure } = await progress.step(
        'Apply the environment local with Pulumi',
        async ({ log, note }) => {
          const stack = labStack(checkout, toolchain, running.kubectl, absent);
          await stack.open({ log });
          const apply = [
            'apply',
            '--server-side',
            '--force-conflicts',
            '--field-manager=plinth-lab',
            '-f',
            '-',
          ];
          const recorder = {
            stack: 'local',
            apply: (object: object) => running.kubectl(apply, { input: JSON.stringify(object), log }),
            note,
          };
          const update = (): Promise<string> => stack.up({ log });
          const failed = await (hasMonitoring() ? recorded(recorder, update) : update()).then(
            () => undefined,
            updateFailure,
          );
          if (failed !== undefined) note('not all of it could be applied: told at the end');
          return { outputs: await stack.outputs(), failure: failed };
        },
      );
      await progress.step('Wait until every workload is Ready', async ({ note }) => {
        // What failed has been waited for already.
        if (failure === undefined) await waitForWorkloads(readerOf(running.kubectl), readySeconds, note);
      });
      await progress.step('Open the doors', async ({ log }) => {
        if (outputs === undefined) return;
        writeOutputs(folders.root, outputs);
        await openDoor(running, outputs, folders.logs)
          .then(() => openRegistry(running, outputs, log))
          .catch((error: unknown) => {
            throw failure ?? error;
          });
      });
      writeFileSync(join(folders.root, 'stand-ins.json'), JSON.stringify(standIns));
      const notes = absent.map(absentNote);
      writeFileSync(join(folders.root, 'absent.json'), JSON.stringify(notes));
      if (failure !== undefined) throw failure;
      if (outputs === undefined) throw new Error('the update ended well and gave no outputs');
      console.log(summary(outputs, folders.root, notes));
    },
    waiting,
  );
};
