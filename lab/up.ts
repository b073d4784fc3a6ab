import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { labLock } from './down.ts';
import { setHosts } from './hosts.ts';
import { ensureImages } from './images/build.ts';
import { neededImages } from './images/needed.ts';
import { boot, type RunningLab } from './kubernetes/boot.ts';
import { buildKubernetes, buildNetpol, buildSmallPrograms } from './kubernetes/build.ts';
import { importImage, presentImages, systemImages } from './kubernetes/images.ts';
import { foldersOf, lab } from './kubernetes/layout.ts';
import { refuseForeignLab } from './kubernetes/owner.ts';
import { preparePrerequisites, requireHost } from './prerequisites.ts';
import { offlineEnvironment, pulumiToolchain } from './pulumi/build.ts';
import { applyStack, type StackOutputs } from './stack.ts';
import { standIns, summary } from './summary.ts';
import { withLock } from './support/lock.ts';
import { Progress } from './support/progress.ts';
import { waitForWorkloads } from './workloads.ts';

const readySeconds = 900;

const write = (file: string, content: string, mode = 0o644): void => {
  writeFileSync(`${file}.unfinished`, content, { mode });
  chmodSync(`${file}.unfinished`, mode);
  renameSync(`${file}.unfinished`, file);
};

/** Writes what users and tests open: addresses, logins (for their owner only) and the authority behind them. */
export const writeOutputs = (folder: string, outputs: StackOutputs): void => {
  write(join(folder, 'endpoints.json'), `${JSON.stringify(outputs.endpoints, undefined, 2)}\n`);
  write(join(folder, 'credentials.json'), `${JSON.stringify(outputs.credentials, undefined, 2)}\n`, 0o600);
  if (outputs.ca !== undefined) write(join(folder, 'ca.crt'), outputs.ca);
};

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
      const { programs, netpol } = await progress.step('Kubernetes programs', async ({ log }) => ({
        programs: await buildKubernetes(log),
        netpol: await buildNetpol(log),
      }));
      const toolchain = await progress.step('Pulumi tool chain', ({ log }) => pulumiToolchain(log));
      const images = await progress.step('Images', async ({ log, note }) => ({
        system: await systemImages(log),
        platform: await ensureImages({ log, note, only: neededImages() }),
      }));
      const running = await progress.step('Boot Kubernetes', ({ note }) =>
        boot({ checkout, programs, netpol, images: images.system, note }),
      );
      await progress.step('Import images', async ({ log, note }) => {
        const present = await presentImages();
        const missing = images.platform.filter(({ reference }) => !present.has(reference));
        for (const image of missing) {
          note(image.reference);
          await importImage(image, log);
        }
      });
      const outputs = await progress.step('Apply the environment local with Pulumi', ({ log }) =>
        applyStack({
          checkout,
          folder: folders.root,
          context: lab.context,
          kubeconfig: folders.kubeconfig,
          // Pulumi's own files too stay in the checkout: a user's plug-ins and credentials are none of the lab's.
          env: { ...offlineEnvironment(toolchain), PULUMI_HOME: join(folders.root, 'pulumi-home') },
          log,
          removeAbandoned: ({ resource, namespace, name }) =>
            running.kubectl([
              ...['delete', resource, name, '--ignore-not-found'],
              ...(namespace === undefined ? [] : ['--namespace', namespace]),
            ]),
        }),
      );
      await progress.step('Wait until every workload is Ready', ({ note }) =>
        waitForWorkloads((args) => running.kubectl(args), readySeconds, note),
      );
      await progress.step('Open the doors', async () => {
        writeOutputs(folders.root, outputs);
        await openDoor(running, outputs, folders.logs);
      });
      writeFileSync(join(folders.root, 'stand-ins.json'), JSON.stringify(standIns));
      console.log(summary(outputs, folders.root));
    },
    waiting,
  );
};
