import { failure, fault } from '../domain/failure.js';
import { present, type Reading, unknown } from '../domain/reading.js';

const STREAM = 0xaced0005;
const SIZE_AT = 291;
const STRING_AT = 427;
const PATH_AT = 430;

/**
 * The HA file that a checkpoint node points to: a Java stream with a `RetrievableStreamStateHandle` around a
 * `FileStateHandle`. The path is foreign input: it is only read here, never followed.
 */
export function readHandle(
  data: Buffer,
  znode: string,
): Reading<{ readonly path: string; readonly size: number }> {
  const wrong = (found: string) =>
    unknown(fault('StateCorrupt', `Expected a pointer to an HA file in ${znode}, found ${found}.`, znode));
  if (data.length < PATH_AT + 1 || data.readUInt32BE(0) !== STREAM)
    return wrong(`${data.length} other bytes`);
  if (!data.subarray(0, SIZE_AT).includes('org.apache.flink.runtime.state.filesystem.FileStateHandle'))
    return wrong('another kind of handle');
  const length = data.readUInt16BE(PATH_AT - 2);
  if (data[STRING_AT] !== 0x74 || data.length !== PATH_AT + length + 1 || data[PATH_AT + length] !== 0x78)
    return wrong(`${data.length} bytes of another layout`);
  return present({
    path: data.toString('utf8', PATH_AT, PATH_AT + length),
    size: Number(data.readBigInt64BE(SIZE_AT)),
  });
}

/**
 * The address in a leader node: a Java stream with a block that holds one UTF string, then the session's UUID.
 * @throws Unclassified when the bytes say something else: an unreadable leader is not "nobody leads".
 */
export function readLeaderAddress(data: Buffer, znode: string): string {
  const [header, address] =
    data[4] === 0x77 ? [6, data.readUInt16BE(6)] : data[4] === 0x7a ? [9, data.readUInt16BE(9)] : [0, 0];
  const start = header + 2;
  if (header === 0 || data.readUInt32BE(0) !== STREAM || data.length < start + address)
    throw failure(
      'Unclassified',
      `Expected the address of the leading JobManager in ${znode}, found ${data.length} other bytes.`,
      znode,
    );
  return data.toString('utf8', start, start + address);
}
