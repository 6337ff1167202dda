/** A directory of this machine in place of another storage: a copy of a cluster's files, or a backup. Read only. */
import { resolve } from 'node:path';
import { failure, fault, type Fault } from '../domain/failure.js';
import { unknown, type Reading } from '../domain/reading.js';
import { fileStorage } from './file.js';
import type { FileStatus, Storage } from './ports.js';
import { parseStorageUri } from './storage-uri.js';

/**
 * What begins with `prefix` (`hdfs://nn:8020/`) is looked for below `directory`: `hdfs://nn:8020/flink/x` is
 * `directory/flink/x`. Answers carry the URIs that were asked for.
 */
export function mappedStorage(prefix: string, directory: string): Storage {
  const root = prefix.replace(/\/+$/, '');
  const below = resolve(directory);
  const files = fileStorage(prefix, { kind: 'file', allow: [below], scratch: below });
  const owns = (uri: string): boolean => uri === root || uri.startsWith(`${root}/`);

  /** The `file:` URI of a mapped one. Parts like `..` are refused before the two are joined. */
  function placeOf(uri: string): string | Fault {
    if (!owns(uri))
      return fault('StateForeign', `expected a path that begins with ${root}/; nothing was read`, uri);
    const parsed = parseStorageUri(uri);
    return 'code' in parsed
      ? parsed
      : `file:${below === '/' ? '' : below}/${uri.slice(root.length).replace(/^\/+/, '')}`;
  }

  async function lookAt<T>(uri: string, look: (place: string) => Promise<Reading<T>>): Promise<Reading<T>> {
    const place = placeOf(uri);
    return typeof place === 'string' ? look(place) : unknown(place);
  }

  const back = (uri: string, place: string, status: FileStatus): FileStatus => ({
    ...status,
    path: uri.replace(/\/+$/, '') + status.path.slice(place.replace(/\/+$/, '').length),
  });
  const readOnly = (): Promise<never> =>
    Promise.reject(failure('StorageNotWritable', 'a mapped directory is only read', prefix));

  return {
    owns,
    proveUsable: readOnly,
    setAside: readOnly,
    stat: (uri, call) =>
      lookAt(uri, async (place) => {
        const found = await files.stat(place, call);
        return found.is === 'present' ? { is: 'present', value: back(uri, place, found.value) } : found;
      }),
    list: (uri, take, call) =>
      lookAt(uri, (place) =>
        files.list(place, (page) => take(page.map((status) => back(uri, place, status))), call),
      ),
    read: (uri, range, call) => lookAt(uri, (place) => files.read(place, range, call)),
    blocks: (uri, call) => lookAt(uri, (place) => files.blocks(place, call)),
  };
}
