import { failure, fault } from '../domain/failure.js';
import { present, type Reading, unknown } from '../domain/reading.js';
import { readCheckpointZnode } from '../formats/checkpoint-znode.js';
import { readLeaderInformation } from '../formats/leader-information.js';

/**
 * The HA file that a checkpoint node points to. The path is foreign input: it is only read here, never followed.
 * Bytes that are no pointer to a file are unknown, not absent: Flink may still understand them.
 */
export function readHandle(
  data: Buffer,
  znode: string,
): Reading<{ readonly path: string; readonly size: number }> {
  const wrong = (found: string) =>
    unknown(fault('StateCorrupt', `Expected a pointer to an HA file in ${znode}, found ${found}.`, znode));
  try {
    const pointer = readCheckpointZnode(data);
    if (pointer.kind !== 'file') return wrong('the state itself, as only custom HA services write it');
    if (typeof pointer.stateSize !== 'number' || pointer.stateSize < 0)
      return wrong(`a file of ${pointer.stateSize} bytes`);
    return present({ path: pointer.path, size: pointer.stateSize });
  } catch (error) {
    return wrong(`${data.length} other bytes (${describe(error)})`);
  }
}

/**
 * The address in a leader node.
 * @throws Unclassified when the bytes say something else: an unreadable leader is not "nobody leads".
 */
export function readLeaderAddress(data: Buffer, znode: string): string {
  try {
    return readLeaderInformation(data).address;
  } catch (error) {
    throw failure(
      'Unclassified',
      `Expected the address of the leading JobManager in ${znode}, found ${data.length} other bytes (${describe(error)}).`,
      znode,
      error,
    );
  }
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));
