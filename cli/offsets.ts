import { faultOf, HoldfastError } from '../domain/failure.js';
import { FormatError } from '../formats/format-error.js';
import { kafkaPositions, type KafkaPositions } from '../formats/kafka-positions.js';
import { longToJson } from '../formats/long.js';
import { readMetadata } from '../formats/metadata.js';
import { faultText, withStateFile } from './state-file.js';
import { STATE_EXIT, plainText, type Output, type StateExit, type StateOptions } from './state-output.js';
import { statePlace, type StatePlace } from './state-place.js';
import { stateReader } from './state-reader.js';

/**
 * The Kafka positions in a snapshot, by operator, topic and partition. 65 when the metadata or the Kafka state in it
 * is refused, 1 when a file is not there, 2 when it could not be read.
 */
export async function offsets(target: string, options: StateOptions, output: Output): Promise<StateExit> {
  const place = statePlace(target, options);
  try {
    const found = await withStateFile(place, { signal: output.signal }, async (source) => {
      const snapshot = readMetadata(source, place.pointer);
      return { snapshot, positions: await kafkaPositions(snapshot, stateReader(place, output.signal)) };
    });
    if (found.is === 'absent')
      return fail(place, 'NotFound', 'there is no such metadata file', STATE_EXIT.broken, options, output);
    if (found.is === 'unknown')
      return fail(place, found.because.code, faultText(found.because), STATE_EXIT.unknown, options, output);
    const { snapshot, positions } = found.value;
    if (options.json === true)
      output.write(
        JSON.stringify(
          { schema: 1, pointer: place.pointer, checkpointId: snapshot.checkpointId, ...positions },
          (_, value: unknown) => (typeof value === 'bigint' ? longToJson(value) : value),
        ),
      );
    else page(place, positions, output);
    return STATE_EXIT.done;
  } catch (error) {
    if (error instanceof FormatError)
      return fail(place, error.code, error.message, STATE_EXIT.refused, options, output);
    if (!(error instanceof HoldfastError)) throw error;
    const { code } = faultOf(error);
    const end = code === 'StateMissing' ? STATE_EXIT.broken : STATE_EXIT.unknown;
    return fail(place, code, faultText(error.fault), end, options, output);
  }
}

function fail(
  { pointer }: StatePlace,
  code: string,
  message: string,
  end: StateExit,
  options: StateOptions,
  output: Output,
): StateExit {
  if (options.json === true) output.write(JSON.stringify({ schema: 1, pointer, error: { code, message } }));
  else output.note(`${plainText(pointer)}: ${code}: ${plainText(message)}`);
  return end;
}

function page(
  place: StatePlace,
  { operators, positions, unrecognized }: KafkaPositions,
  output: Output,
): void {
  output.write(output.paint('bold', plainText(place.pointer)));
  if (operators.length === 0) output.write('  no Kafka positions');
  for (const { operatorId, subtasks } of operators) {
    const legacy = subtasks.some(({ kind }) => kind === 'legacy-consumer');
    output.write(`  operator ${operatorId} (${legacy ? 'FlinkKafkaConsumer' : 'KafkaSource'})`);
    const own = positions.filter((position) => position.operatorId === operatorId);
    const width = Math.max(
      0,
      ...own.slice(0, 1000).map(({ topic, partition }) => `${topic}/${partition}`.length),
    );
    for (const { topic, partition, next } of own)
      output.write(`    ${`${plainText(topic)}/${partition}`.padEnd(width)}  next ${next}`);
  }
  for (const { operatorId, because } of unrecognized)
    output.write(`  operator ${operatorId}: not a plain KafkaSource (${plainText(because)})`);
}
