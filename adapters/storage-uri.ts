/**
 * Storage URIs as Flink prints them: `scheme://authority/path`, the path not percent-encoded. A URI found in
 * ZooKeeper or in a state file is foreign input: it is taken apart strictly, and only what lies below an allowed path
 * is ever sent to a storage.
 */
import { type Fault, fault } from '../domain/failure.js';

export interface StorageUri {
  /** `scheme://authority`, as it was spelled. */
  readonly root: string;
  readonly scheme: string;
  /** Lower case; empty when the URI names none. */
  readonly authority: string;
  /** Absolute, without empty segments and without a slash at the end (but for `/`). */
  readonly path: string;
}

const URI = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/?#]*))?(\/.*)$/is;
// Control characters never occur in a checkpoint's path, and would end a request line or a log line.
const CONTROL_OR_BROKEN = /[\p{Cc}\p{Cs}]/u;

/** Takes a URI apart; a text that is not an absolute, plain path of a storage is `StateForeign`. */
export function parseStorageUri(uri: string): StorageUri | Fault {
  const found = URI.exec(uri);
  if (!found)
    return fault(
      'StateForeign',
      'expected a URI such as hdfs://nameservice/path; nothing was sent',
      clip(uri),
    );
  const [, scheme = '', authority = '', raw = ''] = found;
  if (CONTROL_OR_BROKEN.test(uri))
    return fault('StateForeign', 'the path holds control or broken characters; nothing was sent', clip(uri));
  const segments = raw.split('/').filter((segment) => segment !== '');
  if (segments.some((segment) => segment === '.' || segment === '..'))
    return fault('StateForeign', "the path holds '.' or '..'; nothing was sent", clip(uri));
  return {
    root: uri.slice(0, uri.length - raw.length),
    scheme: scheme.toLowerCase(),
    authority: authority.toLowerCase(),
    path: `/${segments.join('/')}`,
  };
}

const ROOT = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)\//i;

/** Scheme and authority alone, lower case: cheap enough to be asked for each of 100,000 files. */
export function storageRootOf(uri: string): { readonly scheme: string; readonly authority: string } | null {
  const found = ROOT.exec(uri);
  return found ? { scheme: (found[1] ?? '').toLowerCase(), authority: (found[2] ?? '').toLowerCase() } : null;
}

const clip = (uri: string): string => JSON.stringify(uri.slice(0, 300)).slice(1, -1);

/** The allowed path that `path` lies in or below; null when there is none. */
export function allowedRoot(path: string, allow: readonly string[]): string | null {
  const roots = allow.map(withoutTrailingSlash).filter((root) => isBelow(path, root));
  // The longest one: the nearest place that the configuration promises to exist.
  return roots.sort((a, b) => b.length - a.length)[0] ?? null;
}

const withoutTrailingSlash = (path: string): string => (path === '/' ? path : path.replace(/\/+$/, ''));

const isBelow = (path: string, root: string): boolean =>
  root === '/' || path === root || path.startsWith(`${root}/`);

/** The directory that holds `path`; null for `/`. */
export function parentPath(path: string): string | null {
  if (path === '/') return null;
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

export const childPath = (directory: string, name: string): string =>
  directory === '/' ? `/${name}` : `${directory}/${name}`;

/** Each segment percent-encoded, so that a name is never read as a query, a fragment or another path. */
export const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');
