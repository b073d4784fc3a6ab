import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run as layout } from './layout.ts';

/** Every `kubepods` folder of the control group hierarchies: one a controller in version 1, one in version 2. */
export const podGroups = (root = '/'): readonly string[] => {
  const top = join(root, '/sys/fs/cgroup');
  const places = [top, ...(existsSync(top) ? readdirSync(top).map((name) => join(top, name)) : [])];
  const found = places.map((place) => join(place, 'kubepods')).filter((path) => existsSync(path));
  // Version 1 has symlinks for hierarchies with two controllers.
  return [...new Set(found.map((path) => realpathSync(path)))];
};

export const below = (folder: string): readonly string[] => {
  const children = readdirSync(folder).map((name) => join(folder, name));
  return [...children.filter((path) => statSync(path).isDirectory()).flatMap(below), folder];
};

export const podProcesses = (root = '/'): ReadonlySet<number> => {
  const pids = new Set<number>();
  for (const group of podGroups(root).flatMap(below)) {
    let text = '';
    try {
      text = readFileSync(join(group, 'cgroup.procs'), 'utf8');
    } catch {
      // Removed meanwhile, or a threaded group.
    }
    // A process outside of our namespace reads as 0, which as a target of a signal would be our own group.
    for (const line of text.split('\n')) if (Number(line) > 0) pids.add(Number(line));
  }
  return pids;
};

const mark = `PLINTH_DAEMONS=${layout.processes}`;

/** Processes that carry the lab's mark in their environment: containerd's shims, and a daemon never recorded. */
export const labDaemons = (root = '/'): readonly number[] => {
  const proc = join(root, '/proc');
  return (existsSync(proc) ? readdirSync(proc) : [])
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(join(proc, pid, 'environ'), 'utf8')
          .split('\0')
          .includes(mark);
      } catch {
        return false;
      }
    })
    .map(Number);
};
