/** What the Kafka sources of a run have counted, from the metrics of its vertices. */
import { fault } from '../domain/failure.js';
import type { RunId } from '../domain/ids.js';
import { absent, present, unknown, type Reading } from '../domain/reading.js';
import { jobDetailIn, metricNamesIn, metricsIn } from './flink-answers.js';
import type { FlinkSourceCount, GroupOffset } from './ports.js';

/** Flink's server takes a request line of 4096 bytes. */
const LINE = 3_000;
/** `<source>.KafkaSourceReader.topic.<topic>.partition.<n>.currentOffset`: the offset of the last record. */
const OFFSET = /^(.+)\.KafkaSourceReader\.topic\.(.+)\.partition\.(\d+)\.currentOffset$/;
/** Values of one moment are asked for this often; in between Flink may have fetched them anew. */
const TRIES = 3;

/** Flink replaces what separates the parts of a metric's name. */
const asMetric = (topic: string): string => topic.replace(/[ .:,]/g, '_');

type Read = <T>(suffix: string, parse: (json: unknown) => T) => Promise<Reading<T>>;

/** Offset and count are taken from the same fetch of Flink, so that they fit together while records flow. */
export async function countSources(
  run: RunId,
  topics: readonly string[],
  read: Read,
): Promise<Reading<FlinkSourceCount>> {
  const named = new Map(topics.map((topic) => [asMetric(topic), topic]));
  const detail = await read('', jobDetailIn);
  if (detail.is !== 'present') return detail;
  let counted = 0n;
  const positions: GroupOffset[] = [];
  for (const { id } of detail.value.vertices) {
    const suffix = `/vertices/${id}/subtasks/metrics`;
    const names = await read(suffix, metricNamesIn);
    if (names.is !== 'present') return names;
    const offsets = names.value.flatMap((name) => {
      const [, source, topic, partition] = OFFSET.exec(name) ?? [];
      return source === undefined || topic === undefined
        ? []
        : [{ name, source, topic, partition: Number(partition) }];
    });
    for (const source of new Set(offsets.map((o) => o.source))) {
      const own = offsets.filter((o) => o.source === source);
      const found = await readTogether(
        suffix,
        `${source}.numRecordsIn`,
        own.map((o) => o.name),
        read,
      );
      if (found.is !== 'present') return found;
      counted += BigInt(found.value.count);
      for (const { name, topic, partition } of own) {
        const last = found.value.offsets.get(name);
        // -1: no record of this partition has been read yet.
        if (last === undefined || last < 0) continue;
        const known = named.get(topic);
        if (known === undefined || named.size < topics.length) return absent;
        positions.push({ topic: known, partition, offset: BigInt(last) + 1n });
      }
    }
  }
  if (positions.length === 0) return absent;
  const keys = new Set(positions.map((p) => `${p.topic}/${p.partition}`));
  if (keys.size < positions.length)
    return unknown(
      fault('Unclassified', 'two sources read the same partition: their counts cannot be told apart', run),
    );
  return present({ read: counted, positions });
}

/** All of these metrics as of one moment: the count is asked for with each part, and has to be the same in all. */
async function readTogether(
  suffix: string,
  countName: string,
  names: readonly string[],
  read: Read,
): Promise<Reading<{ readonly count: number; readonly offsets: ReadonlyMap<string, number> }>> {
  for (let attempt = 1; ; attempt++) {
    const offsets = new Map<string, number>();
    const counts = new Set<number>();
    for (const part of inParts(names)) {
      const query = [countName, ...part].map(encodeURIComponent).join(',');
      const answer = await read(`${suffix}?get=${query}&agg=sum,max`, metricsIn);
      if (answer.is !== 'present') return answer;
      const count = answer.value.get(countName)?.sum;
      if (count === undefined) return absent;
      counts.add(count);
      for (const name of part) {
        const value = answer.value.get(name)?.max;
        if (value !== undefined) offsets.set(name, value);
      }
    }
    const [count] = counts;
    if (counts.size === 1 && count !== undefined) return present({ count, offsets });
    if (attempt === TRIES) return absent;
  }
}

function inParts(names: readonly string[]): readonly (readonly string[])[] {
  const parts: string[][] = [[]];
  let length = 0;
  for (const name of names) {
    length += encodeURIComponent(name).length + 1;
    if (length > LINE) {
      parts.push([]);
      length = encodeURIComponent(name).length + 1;
    }
    parts.at(-1)?.push(name);
  }
  return parts;
}
