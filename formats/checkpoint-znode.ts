import { cleanPath } from './flink-path.js';
import { FormatError } from './format-error.js';
import { fieldOf, objectOf, readJavaStream, type JavaObject } from './java-stream.js';
import { long, type Long } from './long.js';

const WRAPPER = 'org.apache.flink.runtime.state.RetrievableStreamStateHandle';
const FILE_HANDLE = 'org.apache.flink.runtime.state.filesystem.FileStateHandle';
const RELATIVE_HANDLE = 'org.apache.flink.runtime.state.filesystem.RelativeFileStateHandle';
const BYTES_HANDLE = 'org.apache.flink.runtime.state.memory.ByteStreamStateHandle';

/** What a checkpoint (or job graph) znode points to. */
export type HaPointer =
  | {
      readonly kind: 'file';
      /** The HA file, as Flink prints its path. */
      readonly path: string;
      /** Its length: a file of another length was damaged or replaced. */
      readonly stateSize: Long;
      readonly handleClass: string;
    }
  /** Only custom HA services put the bytes into the znode itself. */
  | { readonly kind: 'inline'; readonly data: Uint8Array; readonly handleClass: string };

/**
 * Reads the data of a checkpoint znode: one Java object stream, in Flink 1.2 to 2.x byte for byte the same.
 * @throws FormatError when it is anything else; a lock node, for instance, holds the text of an address.
 */
export function readCheckpointZnode(bytes: Uint8Array): HaPointer {
  const wrapper = objectOf(readJavaStream(bytes), WRAPPER);
  if (wrapper === undefined) throw bad(`a ${WRAPPER}`, 'another object');
  const handle = objectOf(fieldOf(wrapper, 'wrappedStreamStateHandle'));
  if (handle === undefined) throw bad('a handle in it', 'none');
  return pointerOf(handle);
}

function pointerOf(handle: JavaObject): HaPointer {
  const handleClass = handle.class.name;
  if (handleClass === BYTES_HANDLE) {
    const data = fieldOf(handle, 'data');
    if (typeof data !== 'object' || data?.kind !== 'array' || data.bytes === null)
      throw bad('the bytes of inline state', 'none');
    return { kind: 'inline', data: data.bytes, handleClass };
  }
  if (handleClass !== FILE_HANDLE && handleClass !== RELATIVE_HANDLE) throw bad('a file handle', handleClass);
  const size = fieldOf(handle, 'stateSize');
  const path = javaPath(fieldOf(handle, 'filePath'));
  if (typeof size !== 'bigint' || path === undefined)
    throw bad('a path and a size in the file handle', 'neither');
  return { kind: 'file', path, stateSize: long(size), handleClass };
}

/** The text of a serialized `org.apache.flink.core.fs.Path`; undefined for something else, or a text that is no path. */
export function javaPath(value: unknown): string | undefined {
  const path = objectOf(value as never, 'org.apache.flink.core.fs.Path');
  const uri = path === undefined ? undefined : objectOf(fieldOf(path, 'uri'), 'java.net.URI');
  const text = uri === undefined ? undefined : fieldOf(uri, 'string');
  if (typeof text !== 'string' || text === '') return undefined;
  try {
    return cleanPath(unescapePath(text));
  } catch {
    return undefined;
  }
}

/** The URI in the stream is quoted; Flink's `Path` prints it unquoted. */
const unescapePath = (text: string): string =>
  text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
  );

const bad = (expected: string, found: string): FormatError =>
  new FormatError({ code: 'BadJavaStream', offset: 0, expected, found, context: '' });
