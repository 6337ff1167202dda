import type { Call, FileStatus } from '../adapters/ports.js';
import { failureClass } from '../domain/failure.js';
import { hashText } from '../domain/hash128.js';
import { absent, mapReading, present, unknown, type Reading } from '../domain/reading.js';
import { situationOf, type Assessment } from '../domain/situation.js';
import { lastAlive, unaccounted } from '../domain/witness.js';
import { unusable } from './assess-stuck.js';
import type { Deps } from './deps.js';
import { checkpointsOf } from './ha-places.js';
import type { ConfiguredJob } from './job.js';
import { positionsIn } from './read-state.js';

/** Milliseconds for each of these looks: they come last in a step that has a minute for all of its looks. */
const PATIENCE = 6_000;
/** Partitions whose offsets are named; of more only a digest is compared. */
const NAMED = 10;

/** Adds what the newest run leaves behind, when nobody brings it back and nobody saw it end. */
export async function assessTraces(
  deps: Deps,
  it: ConfiguredJob,
  a: Assessment,
  call: Call,
): Promise<Assessment> {
  const run = unaccounted(a);
  const { is } = situationOf(a);
  if (run === null || a.ledger.is !== 'present' || (is !== 'abandoned' && is !== 'vanished')) return a;
  const { heartbeatTimeout, sessionTimeout } = it.cluster;
  const where = checkpointsOf(it.cluster, run);
  const look: Call = { ...call, deadline: call.deadline ?? PATIENCE };
  const newest = a.ledger.value.points[0]?.path ?? null;
  const [directory, group] = await Promise.all([
    newestIn(deps, where, look),
    committedBy(deps, it, newest, look),
  ]);
  const traces = {
    run,
    quietAt: lastAlive(a.ledger.value, run) + heartbeatTimeout + sessionTimeout,
    apart: heartbeatTimeout,
    where,
    groupId: group === null ? null : (it.job.kafka?.group ?? null),
    directory,
    group: group ?? absent,
  };
  // What was looked at before is older than what was looked at last.
  return { ...a, at: deps.ports.clock.now(), traces };
}

/**
 * A task writes into `chk-N`, `shared` and `taskowned`: each changes when a file in it comes or goes. On a storage that
 * takes no write everything stands still, whoever lives: that is no evidence.
 */
async function newestIn(deps: Deps, directory: string, call: Call): Promise<Reading<string>> {
  const owner = deps.ports.storageOf(directory);
  if ('code' in owner) return unknown(owner);
  const away = await unusable(deps, directory, call);
  if (away !== null) return unknown(away);
  let newest = -1n;
  let changed: FileStatus | null = null;
  const take = (page: readonly FileStatus[]): void => {
    for (const entry of page) {
      const id = BigInt(/\/chk-(\d+)$/.exec(entry.path)?.[1] ?? -1);
      if (id > newest) newest = id;
      if (changed === null || entry.modified > changed.modified) changed = entry;
    }
  };
  const listed = await owner.storage.list(directory, take, call);
  const last = changed as FileStatus | null;
  if (listed.is !== 'present' || last === null) return listed.is === 'unknown' ? listed : absent;
  const name = last.path.slice(last.path.lastIndexOf('/') + 1);
  const id = newest < 0n ? 'no checkpoint' : `chk-${newest}`;
  return present(`${id}, last changed in ${name} at ${new Date(last.modified).toISOString()}`);
}

/**
 * What the group has committed of the topics that the job reads. Null: it is no witness, because there is none, it is
 * that of several jobs, nobody knows its topics, or it may not be looked at. The checkpoint directory witnesses alone then.
 */
async function committedBy(
  deps: Deps,
  it: ConfiguredJob,
  newest: string | null,
  call: Call,
): Promise<Reading<string> | null> {
  const { kafka } = it.job;
  if (kafka === null || kafka.group === null) return null;
  const { cluster, group } = kafka;
  const shared = Object.entries(deps.config.jobs).some(
    ([name, job]) => name !== it.name && job.kafka?.cluster === cluster && job.kafka.group === group,
  );
  if (shared) return null;
  const topics = kafka.topics.length > 0 ? present(kafka.topics) : await topicsIn(deps, newest, call);
  if (topics.is === 'unknown') return failureClass(topics.because.code) === 'transient' ? topics : null;
  if (topics.is === 'absent' || topics.value.length === 0) return null;
  const state = await deps.ports.kafka(cluster).group(group, topics.value, call);
  if (state.is === 'unknown') return state.because.code === 'KafkaUnavailable' ? state : null;
  return mapReading(state, ({ offsets }) => {
    const told = offsets.map((o) => `${o.topic}/${o.partition}=${o.offset}`).sort();
    if (told.length <= NAMED) return told.join(', ') || 'nothing';
    return `${told.slice(0, NAMED).join(', ')} … of ${told.length} partitions (${hashText(told.join()).slice(0, 12)})`;
  });
}

/** The topics of the newest point that is remembered: the group is asked for them. */
async function topicsIn(deps: Deps, newest: string | null, call: Call): Promise<Reading<readonly string[]>> {
  if (newest === null) return absent;
  const read = await positionsIn(deps, newest, call);
  return mapReading(read, (positions) => [...new Set(positions.map((p) => p.topic))].sort());
}
