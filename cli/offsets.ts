import { faultOf, HoldfastError } from '../domain/failure.js';
import { FormatError } from '../formats/format-error.js';
import { kafkaPositions, type KafkaPositions } from '../formats/kafka-positions.js';
import { longToJson } from '../formats/long.js';
import { readMetadata } from '../formats/metadata.js';
import { faultText, withStateFile } from './state-file.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { plainText } from './plain-text.js';
import type { Terminal } from './terminal.js';
import { statePlace, type StateOptions, type StatePlace } from './state-place.js';
import { stateReader } from '../activities/state-reader.js';

/**
 * The Kafka positions in a snapshot, by operator, topic and partition. 65 when the metadata or the Kafka state in it
 * is refused, 1 when a file is not there, 2 when it could not be read.
 */
export async function offsets(target: string, options: StateOptions, terminal: Terminal): Promise<ExitCode> {
  const place = statePlace(target, options);
  try {
    const found = await withStateFile(place, { signal: terminal.signal }, async (source) => {
      const snapshot = readMetadata(source, place.pointer);
      return {
        snapshot,
        positions: await kafkaPositions(
          snapshot,
          stateReader(() => place.storage(), { signal: terminal.signal }),
        ),
      };
    });
    if (found.is === 'absent')
      return fail(place, 'NotFound', 'there is no such metadata file', EXIT.no, options, terminal);
    if (found.is === 'unknown')
      return fail(place, found.because.code, faultText(found.because), EXIT.unknown, options, terminal);
    const { snapshot, positions } = found.value;
    if (options.json === true)
      terminal.write(
        JSON.stringify(
          { schema: 1, pointer: place.pointer, checkpointId: snapshot.checkpointId, ...positions },
          (_, value: unknown) => (typeof value === 'bigint' ? longToJson(value) : value),
        ),
      );
    else page(place, positions, terminal);
    return EXIT.done;
  } catch (error) {
    if (error instanceof FormatError)
      return fail(place, error.code, error.message, EXIT.refused, options, terminal);
    if (!(error instanceof HoldfastError)) throw error;
    const { code } = faultOf(error);
    const end = code === 'StateMissing' ? EXIT.no : EXIT.unknown;
    return fail(place, code, faultText(error.fault), end, options, terminal);
  }
}

function fail(
  { pointer }: StatePlace,
  code: string,
  message: string,
  end: ExitCode,
  options: StateOptions,
  terminal: Terminal,
): ExitCode {
  if (options.json === true) terminal.write(JSON.stringify({ schema: 1, pointer, error: { code, message } }));
  else terminal.note(`${plainText(pointer)}: ${code}: ${plainText(message)}`);
  return end;
}

function page(
  place: StatePlace,
  { operators, positions, unrecognized }: KafkaPositions,
  terminal: Terminal,
): void {
  terminal.write(terminal.paint('bold', plainText(place.pointer)));
  if (operators.length === 0) terminal.write('  no Kafka positions');
  for (const { operatorId, subtasks } of operators) {
    const legacy = subtasks.some(({ kind }) => kind === 'legacy-consumer');
    terminal.write(`  operator ${operatorId} (${legacy ? 'FlinkKafkaConsumer' : 'KafkaSource'})`);
    const own = positions.filter((position) => position.operatorId === operatorId);
    const width = Math.max(
      0,
      ...own.slice(0, 1000).map(({ topic, partition }) => `${topic}/${partition}`.length),
    );
    for (const { topic, partition, next } of own)
      terminal.write(`    ${`${plainText(topic)}/${partition}`.padEnd(width)}  next ${next}`);
  }
  for (const { operatorId, because } of unrecognized)
    terminal.write(`  operator ${operatorId}: not a plain KafkaSource (${plainText(because)})`);
}
