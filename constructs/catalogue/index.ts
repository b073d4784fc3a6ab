import { isForbiddenInProduction } from './licences.ts';
import versions from './versions.json' with { type: 'json' };

/** What the catalogue records of one image. */
export interface ImageEntry {
  readonly repository: string;
  readonly version: string;
  /** First eight hex digits of the hash of everything the image is built from; `make catalogue` writes it. */
  readonly content: string;
  /** Known only for an image that is pulled as published; what Plinth builds is identified by `content`. */
  readonly digest: string | null;
  /** SPDX identifier. */
  readonly licence: string;
  /** Last day with security fixes, YYYY-MM-DD; null where the project publishes none. */
  readonly endOfLife: string | null;
  /** Where `endOfLife` comes from. */
  readonly source: string;
}

/** What the catalogue records of an image that nodes pull as its project publishes it. */
export interface PublishedEntry extends Omit<ImageEntry, 'content'> {
  /** Where nodes pull it from, whatever the environment says of Plinth's own. */
  readonly registry: string;
}

export interface Catalogue {
  /** The day that synthesis compares ends of life with, so that it reads no clock. */
  readonly asOf: string;
  readonly images: Readonly<Record<string, ImageEntry>>;
  readonly published?: Readonly<Record<string, PublishedEntry>>;
}

/** An image that Plinth builds. */
export type ImageName = keyof typeof versions.images;
/** An image that Plinth only names: the lab, which has no registry to pull from, can't run it. */
export type PublishedImageName = keyof typeof versions.published;

/** The committed catalogue. */
export const catalogue: Catalogue = versions;

/** In the order of the catalogue file, which is alphabetical. */
export const imageNames = Object.keys(versions.images) as readonly ImageName[];
export const publishedImageNames = Object.keys(versions.published) as readonly PublishedImageName[];

const isPublished = (name: ImageName | PublishedImageName): name is PublishedImageName =>
  name in versions.published;

class Pinned {
  readonly name: ImageName | PublishedImageName;
  /** Set for an image that is pulled from its project's own registry. */
  readonly registry: string | undefined;
  readonly tag: string;
  readonly #entry: ImageEntry | PublishedEntry;

  /** `<version>-<content>`: a changed Containerfile changes the tag, so a node never runs a stale image. */
  constructor(name: ImageName | PublishedImageName) {
    this.name = name;
    if (isPublished(name)) {
      const entry: PublishedEntry = versions.published[name];
      this.#entry = entry;
      this.registry = entry.registry;
      this.tag = entry.version;
    } else {
      const entry: ImageEntry = versions.images[name];
      this.#entry = entry;
      this.registry = undefined;
      this.tag = `${entry.version}-${entry.content}`;
    }
  }

  get repository(): string {
    return this.#entry.repository;
  }

  get version(): string {
    return this.#entry.version;
  }

  get digest(): string | null {
    return this.#entry.digest;
  }
}

/** An image of the catalogue. Only `image()` makes one: the class is not exported, and its private field defeats look-alikes. */
export type PinnedImage = Pinned;

export function image(name: ImageName | PublishedImageName): PinnedImage {
  return new Pinned(name);
}

/** What a pod names. Without a registry: `localhost/...`, an image that the lab imported into the node. */
export function reference(pinned: PinnedImage, registry = 'localhost'): string {
  const digest = pinned.digest === null ? '' : `@${pinned.digest}`;
  return `${pinned.registry ?? registry}/${pinned.repository}:${pinned.tag}${digest}`;
}

/** An environment's own decision to run an image that the catalogue would refuse. */
export interface ImageException {
  readonly image: string;
  readonly reason: string;
}

export interface CatalogueCheck {
  readonly exceptions?: readonly ImageException[];
  /** YYYY-MM-DD; the catalogue's own `asOf` by default. */
  readonly today?: string;
  readonly catalogue?: Catalogue;
}

/**
 * Everything that keeps an image out of an environment, one line each; empty when there is nothing.
 * An exception silences its image and must say why; one that names no image of the catalogue is itself a problem.
 */
export function catalogueProblems(check: CatalogueCheck = {}): readonly string[] {
  const { exceptions = [], catalogue: checked = catalogue, today = checked.asOf } = check;
  const entries = { ...checked.images, ...checked.published };
  const problems: string[] = [];
  for (const { image: name, reason } of exceptions) {
    if (entries[name] === undefined) {
      problems.push(
        `image exception '${name}': no such image; the catalogue has ${Object.keys(entries).join(', ')}`,
      );
    } else if (reason.trim() === '') {
      problems.push(`image exception '${name}': the reason is empty; say why this environment may run it`);
    }
  }
  const excepted = new Set(exceptions.filter(({ reason }) => reason.trim() !== '').map((e) => e.image));
  for (const [name, entry] of Object.entries(entries)) {
    if (!excepted.has(name)) {
      problems.push(...problemsOf(name, entry, today));
    }
  }
  return problems;
}

function* problemsOf(name: string, entry: Omit<ImageEntry, 'content'>, today: string): Generator<string> {
  const mend = 'change constructs/catalogue/versions.json, or name an exception with its reason';
  if (/latest/i.test(entry.version)) {
    yield `image ${name}: version must name one release, got '${entry.version}'; ${mend}`;
  }
  if (isForbiddenInProduction(entry.licence)) {
    yield `image ${name}: licence ${entry.licence} forbids production use; ${mend}`;
  }
  if (entry.endOfLife !== null && entry.endOfLife < today) {
    yield `image ${name}: ${entry.version} had its end of life on ${entry.endOfLife} (compared with ${today}); ${mend}`;
  }
}
