import type { Call, Storage } from '../adapters/ports.js';
import { failure } from '../domain/failure.js';
import type { Reading } from '../domain/reading.js';
import type { ReadState } from '../formats/kafka-positions.js';

/**
 * Reads parts of state files from the storage of a snapshot; opened with the first read, because most positions stand
 * in the metadata itself.
 * @throws HoldfastError `StateForeign` for a file that lies elsewhere, `StateMissing`, or why it could not be read
 */
export function stateReader(open: () => Promise<Storage>, call: Call): ReadState {
  let opened: Promise<Storage> | undefined;
  return async ({ path, offset, length }) => {
    opened ??= open();
    const storage = await opened;
    if (!storage.owns(path))
      throw failure('StateForeign', 'the file lies on another storage; it was not read', path);
    const bytes = length ?? present(await storage.stat(path, call), path).length - offset;
    return present(await storage.read(path, { offset, length: bytes }, call), path);
  };
}

function present<T>(reading: Reading<T>, path: string): T {
  if (reading.is === 'present') return reading.value;
  const why = reading.is === 'unknown' ? reading.because : null;
  throw failure(why?.code ?? 'StateMissing', why?.message ?? 'a state file is gone', why?.where ?? path);
}
