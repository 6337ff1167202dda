/** Where the state is that a command names: a local path, a `file:` or an `hdfs:` URI, or a mapped one. */
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Storage } from '../adapters/ports.js';
import type { StorageConfig } from '../config/config.js';
import type { CommonOptions } from './options.js';
import { UsageError } from './terminal.js';

export interface StateOptions extends CommonOptions {
  /** `URI-PREFIX=DIRECTORY` */
  readonly map?: readonly string[];
  /** Base URLs of NameNodes. */
  readonly webhdfs?: readonly string[];
  readonly user?: string;
}

/** A snapshot that a command is about. */
export interface StatePlace {
  /** Directory of the snapshot: as given for a URI, a `file:` URI for a local path. */
  readonly pointer: string;
  /** The metadata file: a local path, or a URI. */
  readonly metadata: { readonly local: string } | { readonly uri: string };
  /** Loads what reads the snapshot's files; state files beside a `--pointer` file are looked for at the pointer. */
  storage(): Promise<Storage>;
}

const URI = /^[a-z][a-z0-9+.-]+:\//i;

interface Mapping {
  readonly prefix: string;
  readonly directory: string;
}

/** @throws UsageError when the place cannot be understood */
export function statePlace(
  target: string,
  options: StateOptions & { readonly pointer?: string },
): StatePlace {
  const mappings = (options.map ?? []).map(parseMapping);
  if (options.pointer !== undefined) {
    if (URI.test(target)) throw new UsageError(`--pointer takes a local file, found the URI ${target}`);
    const pointer = options.pointer;
    return {
      pointer,
      metadata: { local: resolve(target) },
      storage: () => storageFor(pointer, mappings, options),
    };
  }
  if (URI.test(target)) {
    const pointer = /\/_metadata\/*$/.test(target)
      ? target.replace(/\/_metadata\/*$/, '')
      : target.replace(/(?<=[^/:])\/+$/, '');
    const isFile =
      pointer === target &&
      !/(chk-\d+|savepoint-[^/]*)$/.test(pointer) &&
      /\/[^/]*metadata[^/]*$/.test(pointer);
    const directory = isFile ? pointer.slice(0, pointer.lastIndexOf('/')) : pointer;
    return {
      pointer: directory,
      metadata: { uri: isFile ? pointer : `${pointer}/_metadata` },
      storage: () => storageFor(directory, mappings, options),
    };
  }
  const local = resolve(target);
  const metadata = isDirectory(local) ? resolve(local, '_metadata') : local;
  const pointer = `file:${dirname(metadata)}`;
  return { pointer, metadata: { local: metadata }, storage: () => storageFor(pointer, mappings, options) };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function parseMapping(text: string): Mapping {
  const at = text.indexOf('=');
  const prefix = text.slice(0, at);
  if (at < 1 || at === text.length - 1 || !URI.test(prefix))
    throw new UsageError(`--map takes URI-PREFIX=DIRECTORY (hdfs://nn:8020/=copy), found ${text}`);
  return { prefix, directory: text.slice(at + 1) };
}

/** The storage of the snapshot itself and what `--map` adds. Nothing else is ever looked at. */
async function storageFor(
  pointer: string,
  mappings: readonly Mapping[],
  options: StateOptions,
): Promise<Storage> {
  const mapped: Storage[] = [];
  if (mappings.length > 0) {
    const { mappedStorage } = await import('../adapters/mapped.js');
    // The longest prefix counts.
    const sorted = [...mappings].sort((a, b) => b.prefix.length - a.prefix.length);
    for (const { prefix, directory } of sorted) mapped.push(mappedStorage(prefix, directory));
  }
  if (mapped.some((storage) => storage.owns(pointer))) return together(mapped);
  return together([...mapped, await ownStorage(pointer, options)]);
}

async function ownStorage(pointer: string, options: StateOptions): Promise<Storage> {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(pointer)?.[1]?.toLowerCase();
  if (scheme === 'file') {
    const { fileStorage } = await import('../adapters/file.js');
    return fileStorage('local files', { kind: 'file', allow: ['/'], scratch: '/' });
  }
  if (scheme !== 'hdfs' && scheme !== 'webhdfs')
    throw new UsageError(
      `expected a local path, a file: or an hdfs: URI, found ${pointer}; another storage's copy is read with --map`,
    );
  const { webhdfsStorage } = await import('../adapters/webhdfs.js');
  if (options.webhdfs !== undefined && options.webhdfs.length > 0)
    return webhdfsStorage('--webhdfs', withoutConfiguration(pointer, options.webhdfs, options.user));
  const { loadConfig } = await import('../config/load.js');
  const config = loadConfig({ file: options.config });
  for (const [name, of] of Object.entries(config.storage)) {
    if (of.kind !== 'webhdfs') continue;
    const storage = webhdfsStorage(name, of, { nameNodeCalls: config.limits.nameNodeCalls });
    if (storage.owns(pointer)) return storage;
  }
  const known = Object.keys(config.storage).join(', ') || 'none';
  throw new UsageError(
    `expected a storage of the configuration (${known}) for ${pointer}; name its WebHDFS with --webhdfs http://namenode:9870`,
  );
}

function withoutConfiguration(
  pointer: string,
  webhdfs: readonly string[],
  user: string | undefined,
): Extract<StorageConfig, { readonly kind: 'webhdfs' }> {
  const authority = /^[^:]+:\/\/([^/]+)/.exec(pointer)?.[1] ?? '';
  return {
    kind: 'webhdfs',
    webhdfs,
    nameservice: null,
    authorities: [authority],
    user: user ?? null,
    allow: ['/'],
    scratch: '/',
    redirectHosts: [],
  };
}

/** Several storages as one: each URI goes to the first that owns it. */
function together(storages: readonly Storage[]): Storage {
  const [first] = storages;
  if (first === undefined) throw new UsageError('there is no storage to look at');
  const of = (uri: string): Storage => storages.find((storage) => storage.owns(uri)) ?? first;
  return {
    owns: (uri) => storages.some((storage) => storage.owns(uri)),
    proveUsable: (call) => first.proveUsable(call),
    stat: (uri, call) => of(uri).stat(uri, call),
    list: (uri, take, call) => of(uri).list(uri, take, call),
    read: (uri, range, call) => of(uri).read(uri, range, call),
    blocks: (uri, call) => of(uri).blocks(uri, call),
    setAside: (uri, to, call) => of(uri).setAside(uri, to, call),
  };
}
