import type { Storage } from '../adapters/ports.js';
import { fault, HoldfastError } from '../domain/failure.js';
import type { ReadState } from '../formats/kafka-positions.js';
import type { StatePlace } from './state-place.js';

/**
 * Reads parts of state files from the storage of a snapshot.
 * @throws HoldfastError `StateForeign` for a file that lies elsewhere, `StateMissing`, or why it could not be read
 */
export function stateReader(place: StatePlace, signal: AbortSignal): ReadState {
  let opened: Promise<Storage> | undefined;
  const call = { signal };
  return async ({ path, offset, length }) => {
    opened ??= place.storage();
    const storage = await opened;
    if (!storage.owns(path))
      throw new HoldfastError(
        fault('StateForeign', 'the file lies on another storage; it was not read', path),
      );
    let bytes = length;
    if (bytes === null) {
      const status = await storage.stat(path, call);
      if (status.is === 'unknown') throw new HoldfastError(status.because);
      if (status.is === 'absent')
        throw new HoldfastError(fault('StateMissing', 'a state file is gone', path));
      bytes = status.value.length - offset;
    }
    const read = await storage.read(path, { offset, length: bytes }, call);
    if (read.is === 'present') return read.value;
    throw new HoldfastError(
      read.is === 'unknown' ? read.because : fault('StateMissing', 'a state file is gone', path),
    );
  };
}
