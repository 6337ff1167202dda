import type { Call, Kafka, PartitionRange } from '../adapters/ports.js';
import { failure, HoldfastError } from '../domain/failure.js';
import { fence } from '../domain/fence.js';
import type { ResumedOffsets } from '../domain/group-offsets.js';
import type { RunId } from '../domain/ids.js';
import {
  KAFKA_FROM,
  parseKafkaFrom,
  readStart,
  sayStart,
  type FromNothing,
  type KafkaFrom,
  type StartOffset,
} from '../domain/kafka-from.js';
import { placeholdersIn } from '../domain/launch-command.js';
import type { OwnRun } from '../domain/ledger.js';
import type { Stillness } from '../domain/witness.js';
import { assessRun } from './assess-run.js';
import type { Deps } from './deps.js';
import { configuredJob, type ConfiguredJob } from './job.js';
import { launcherOf } from './launch.js';
import { positionsIn } from './read-state.js';
import { inDoubtWhenRepeated, type RestoreOutcome } from './restore-job.js';
import { beforeOf, quietGroup } from './resume-offsets.js';

/** A start names every partition, in the history of the case: more than these it cannot. */
const MOST_PARTITIONS = 2000;

export interface SetStartInput {
  readonly job: string;
  /** {@link KAFKA_FROM} */
  readonly kafkaFrom: string;
  /** Points that are given up: their positions name the topics. */
  readonly gaveUp: readonly string[];
}

/** Where the job will start. */
export interface SetStart {
  /** `topic/partition=offset` of every partition. */
  readonly start: readonly string[];
  readonly groupOffsets: ResumedOffsets;
}

/**
 * Sets the group's committed offsets to where the job is to start: nothing else says where a job without state begins,
 * so a failure here is a failure of the attempt.
 * @throws ConfigInvalid when the position, the topics or the way to hand it over are not known; OffsetsGone when an
 * offset lies outside the log; TwinRunning when the group is in use; KafkaUnavailable, AccessDenied, AuthFailed
 */
export async function setStart(deps: Deps, input: SetStartInput, signal: AbortSignal): Promise<SetStart> {
  const it = configuredJob(deps, input.job);
  const from = parseKafkaFrom(input.kafkaFrom);
  if (from === null)
    throw failure('ConfigInvalid', `expected ${KAFKA_FROM}, found ${JSON.stringify(input.kafkaFrom)}`);
  const { kafka: config } = it.job;
  if (config === null)
    throw failure('ConfigInvalid', 'expected jobs.<job>.kafka: a start from nothing needs a point in Kafka');
  const call: Call = { signal };
  const kafka = deps.ports.kafka(config.cluster);
  const start = await resolve(kafka, from, await topicsOf(deps, it, from, input.gaveUp, call), call);
  if (start.length > MOST_PARTITIONS)
    throw failure('ConfigInvalid', `expected at most ${MOST_PARTITIONS} partitions, found ${start.length}`);
  const named = start.map(sayStart);
  const { group } = config;
  if (group === null) {
    if (takesKafkaFrom(it)) return { start: named, groupOffsets: untouched };
    throw failure(
      'ConfigInvalid',
      'expected kafka.group, or {kafkaFrom} in launch: nothing would tell the job where to start',
    );
  }
  const quiet = await quietGroup(deps, it, [...new Set(start.map((o) => o.topic))], call);
  if (quiet.is === 'used') throw failure(quiet.because?.code ?? 'TwinRunning', quiet.why, group);
  const offsets = start.map((o) => ({ ...o, offset: BigInt(o.offset) }));
  await kafka.commitGroup(group, offsets, call);
  const before = beforeOf(quiet.offsets, offsets);
  return {
    start: named,
    groupOffsets: { group, committed: offsets.length, before, left: null, fault: null },
  };
}

const untouched: ResumedOffsets = {
  group: null,
  committed: 0,
  before: [],
  left: 'no consumer group is configured',
  fault: null,
};

/** Whether the program is told by an argument where to start. */
function takesKafkaFrom({ job }: ConfiguredJob): boolean {
  const { launch } = job;
  return placeholdersIn(launch.kind === 'jar' ? launch.args : launch.command).includes('kafkaFrom');
}

async function topicsOf(
  deps: Deps,
  it: ConfiguredJob,
  from: KafkaFrom,
  gaveUp: readonly string[],
  call: Call,
): Promise<readonly string[]> {
  const configured = it.job.kafka?.topics ?? [];
  if (configured.length > 0) return configured;
  for (const path of gaveUp) {
    const read = await positionsIn(deps, path, call);
    const topics = read.is === 'present' ? [...new Set(read.value.map((p) => p.topic))] : [];
    if (topics.length > 0) return topics;
  }
  if (from.is === 'offsets') return [...new Set(from.offsets.map((o) => o.topic))];
  throw failure(
    'ConfigInvalid',
    'expected jobs.<job>.kafka.topics: no state that can be read names the topics of the job',
  );
}

/** Where each partition of the topics starts. */
async function resolve(
  kafka: Kafka,
  from: KafkaFrom,
  topics: readonly string[],
  call: Call,
): Promise<readonly StartOffset[]> {
  const start: StartOffset[] = [];
  for (const topic of topics) {
    const ranges = await kafka.ranges(topic, call);
    if (ranges.is === 'unknown') throw new HoldfastError(ranges.because);
    if (ranges.is === 'absent') throw failure('ConfigInvalid', 'expected a topic of the job', topic);
    switch (from.is) {
      case 'earliest':
        start.push(...ranges.value.map((r) => at(r, r.start)));
        break;
      case 'latest':
        start.push(...ranges.value.map((r) => at(r, r.end)));
        break;
      case 'time': {
        const found = await kafka.offsetsAt(topic, from.time, call);
        if (found.is === 'unknown') throw new HoldfastError(found.because);
        if (found.is === 'absent') throw failure('KafkaUnavailable', 'the topic vanished', topic);
        start.push(...found.value.map((o) => at(o, o.offset)));
        break;
      }
      case 'offsets':
        start.push(...ranges.value.map((r) => givenOffset(r, from.offsets)));
        break;
    }
  }
  if (from.is !== 'offsets') return start;
  const strange = from.offsets.find(
    (o) => !start.some((s) => s.topic === o.topic && s.partition === o.partition),
  );
  if (strange === undefined) return start;
  throw failure('ConfigInvalid', `expected a partition that the job reads, found ${sayStart(strange)}`);
}

const at = (p: { readonly topic: string; readonly partition: number }, offset: bigint): StartOffset => ({
  topic: p.topic,
  partition: p.partition,
  offset: offset.toString(),
});

/** A partition that is left out would start wherever the group stands: each has to be named. */
function givenOffset(range: PartitionRange, offsets: readonly StartOffset[]): StartOffset {
  const where = `${range.topic}/${range.partition}`;
  const given = offsets.find((o) => o.topic === range.topic && o.partition === range.partition);
  if (given === undefined)
    throw failure('ConfigInvalid', `expected an offset for every partition, found none for ${where}`, where);
  const offset = BigInt(given.offset);
  if (offset >= range.start && offset <= range.end) return given;
  throw failure(
    'OffsetsGone',
    `expected an offset from ${range.start} to ${range.end}, found ${given.offset}`,
    where,
  );
}

export interface StartInput {
  readonly job: string;
  /** Chosen and recorded by the workflow before this call: Flink refuses it twice. */
  readonly run: RunId;
  /** Who wants it, and why: nobody else submits a job without state. */
  readonly from: FromNothing;
  /** What `setStart` has set. */
  readonly start: readonly string[];
  readonly submitted: readonly RunId[];
  /** This step was begun before and lost: an earlier call of the same id may still be on its way. */
  readonly repeated: boolean;
  /** An earlier attempt called with this run id and got no clear answer. */
  readonly inDoubt?: boolean;
  /** How long what the old run leaves behind has stood still; null or left out: nobody had to look. */
  readonly still?: Stillness | null;
  /** The run that this case has submitted last. Left out: none. */
  readonly own?: OwnRun;
}

/**
 * Fence, a last look at where the job starts, submission without a restore point: the only place that does it.
 * @throws ConfigInvalid without a name, a reason or a start; TwinRunning when the group has moved since; the faults of
 * the fence, and everything that `restoreJob` throws for a submission
 */
export async function startJob(deps: Deps, input: StartInput, signal: AbortSignal): Promise<RestoreOutcome> {
  return inDoubtWhenRepeated(input, signal, async () => {
    const it = configuredJob(deps, input.job);
    const call: Call = { signal };
    const { run, from, start } = input;
    if (from.by.trim() === '' || from.reason.trim() === '' || start.length === 0)
      throw failure('ConfigInvalid', 'expected who starts the job from nothing, why, and where in Kafka');
    const inDoubt = input.repeated || input.inDoubt === true;
    const launching = { run, point: null, inDoubt, kafkaFrom: start.join(',') };
    const launcher = launcherOf(deps, it, launching, call);
    const earlier = await launcher.earlier();
    if (earlier !== null) return { ...earlier, at: deps.ports.clock.now() };
    if (it.job.launch.kind === 'command' && !takesKafkaFrom(it))
      throw failure('ConfigInvalid', 'expected {kafkaFrom} in launch.command to start the job from nothing');
    const assessment = await assessRun(deps, input, signal);
    const objection = fence(assessment, true, input.still ?? null);
    if (objection !== null) throw new HoldfastError(objection);
    await stillThere(deps, it, start, call);
    return { ...(await launcher.submit()), at: deps.ports.clock.now() };
  });
}

/** The group is all that tells the job where to start: it has to stand where it was set. */
async function stillThere(
  deps: Deps,
  it: ConfiguredJob,
  start: readonly string[],
  call: Call,
): Promise<void> {
  const { kafka } = it.job;
  if (kafka === null || kafka.group === null) return;
  const wanted = start.flatMap((text) => readStart(text) ?? []);
  const state = await deps.ports
    .kafka(kafka.cluster)
    .group(kafka.group, [...new Set(wanted.map((o) => o.topic))], call);
  if (state.is === 'unknown') throw new HoldfastError(state.because);
  const found = new Set(
    (state.is === 'present' ? state.value.offsets : []).map((o) => sayStart(at(o, o.offset))),
  );
  const moved = wanted.find((o) => !found.has(sayStart(o)));
  if (moved !== undefined)
    throw failure(
      'TwinRunning',
      `expected the group at ${sayStart(moved)}: somebody else has moved it`,
      kafka.group,
    );
}
