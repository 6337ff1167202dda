import { Cursor } from './cursor.js';

/**
 * Reads the data of a checkpoint id counter: exactly four bytes, the next id to hand out (1.3 to 2.x).
 * @throws FormatError
 */
export function readCheckpointCounter(bytes: Uint8Array): number {
  const cursor = new Cursor(bytes);
  const next = cursor.i32('a checkpoint id counter');
  cursor.expectEnd('the checkpoint id counter');
  return next;
}
