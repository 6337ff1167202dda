import { Cursor } from './cursor.js';
import { fieldOf, objectOf, readJavaContents } from './java-stream.js';

export interface LeaderInformation {
  /** Of the REST server: the base URL of the JobManager's REST endpoint. */
  readonly address: string;
  /** Fencing token: a UUID. */
  readonly session: string;
}

/** Reads the data of a `connection_info` (or, up to 1.13, leader) znode. @throws FormatError */
export function readLeaderInformation(bytes: Uint8Array): LeaderInformation {
  const cursor = new Cursor(bytes);
  const [address, session] = readJavaContents(cursor, 2);
  cursor.expectEnd('the leader information');
  const uuid = objectOf(session as never, 'java.util.UUID');
  const most = uuid && fieldOf(uuid, 'mostSigBits');
  const least = uuid && fieldOf(uuid, 'leastSigBits');
  if (typeof most !== 'bigint' || typeof least !== 'bigint')
    throw cursor.error('BadJavaStream', 'the UUID of a session', 'something else');
  if (typeof address !== 'object' || address?.kind !== 'block')
    throw cursor.error('BadJavaStream', 'the address of a leader', 'an object', 4);
  const text = new Cursor(address.bytes, 6);
  const found = text.utf('the address of a leader');
  text.expectEnd('the address of a leader');
  const hex =
    BigInt.asUintN(64, most).toString(16).padStart(16, '0') +
    BigInt.asUintN(64, least).toString(16).padStart(16, '0');
  return { address: found, session: hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') };
}
