/**
 * A history as lines that two servers can be compared by: every event in order, with everything in it that does not
 * depend on when and where it was written.
 */
import type { History, Payload } from '@temporalio/common/lib/proto-utils.js';
import proto from '@temporalio/proto';

const { EventType } = proto.temporal.api.enums.v1;
type HistoryEvent = NonNullable<History['events']>[number];

export function eventLines(history: History): readonly string[] {
  const names = namer();
  return linesOf(history).map(names);
}

/** Only what kind of event it is, and of what step, timer or message. */
export const eventKinds = (history: History): readonly string[] =>
  linesOf(history).map((line) => /^[^:]*(: [\w-]+)?/.exec(line)?.[0] ?? '');

function linesOf({ events }: History): readonly string[] {
  const all = events ?? [];
  const about = (id: unknown): string => {
    const of = all[Number(id) - 1];
    return of?.activityTaskScheduledEventAttributes?.activityType?.name ?? '';
  };
  return all.filter(exceptForQueries).map((e) => {
    const type = (EventType[e.eventType ?? 0] ?? '')
      .replace('EVENT_TYPE_', '')
      .toLowerCase()
      .replaceAll('_', ' ');
    const told = whatIsTold(e, about);
    return told === '' ? type : `${type}: ${told}`;
  });
}

/**
 * A query that a worker answers while a local activity runs costs one more workflow task, before its marker or after it (SDK core, `managed_run.rs`:
 * "Reporting a query while an LA is still running must request another WFT"). Who asks when is the test's matter.
 */
function exceptForQueries(_: HistoryEvent, at: number, all: readonly HistoryEvent[]): boolean {
  const first = [at, at - 1, at - 2].find(
    (i) =>
      all[i]?.workflowTaskScheduledEventAttributes &&
      (all[i - 1]?.markerRecordedEventAttributes ?? all[i - 1]?.workflowTaskCompletedEventAttributes),
  );
  return (
    first === undefined ||
    !all[first + 1]?.workflowTaskStartedEventAttributes ||
    !all[first + 2]?.workflowTaskCompletedEventAttributes
  );
}

/** Of each kind of event what the code, or a person, has given to it. */
function whatIsTold(e: HistoryEvent, about: (scheduled: unknown) => string): string {
  const started = e.workflowExecutionStartedEventAttributes;
  if (started) return say(started.workflowType?.name, started.input?.payloads, fields(started.memo?.fields));
  const scheduled = e.activityTaskScheduledEventAttributes;
  if (scheduled)
    return say(scheduled.activityType?.name, scheduled.taskQueue?.name, scheduled.input?.payloads);
  const begun = e.activityTaskStartedEventAttributes;
  if (begun) return say(about(begun.scheduledEventId), `attempt ${begun.attempt}`);
  const calledOff = e.activityTaskCancelRequestedEventAttributes;
  if (calledOff) return say(about(calledOff.scheduledEventId));
  const completed = e.activityTaskCompletedEventAttributes;
  if (completed) return say(about(completed.scheduledEventId), completed.result?.payloads);
  const failed = e.activityTaskFailedEventAttributes ?? e.activityTaskTimedOutEventAttributes;
  if (failed) return say(about(failed.scheduledEventId), failed.failure?.applicationFailureInfo?.type);
  const cancelled = e.activityTaskCanceledEventAttributes;
  if (cancelled)
    return say(about(cancelled.scheduledEventId), Number(cancelled.startedEventId) > 0 ? 'at work' : '');
  const signaled = e.workflowExecutionSignaledEventAttributes;
  if (signaled) return say(signaled.signalName, signaled.input?.payloads);
  const accepted = e.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input;
  if (accepted) return say(accepted.name, accepted.args?.payloads);
  const answered = e.workflowExecutionUpdateCompletedEventAttributes;
  if (answered) return say(answered.outcome?.success?.payloads, answered.outcome?.failure?.message);
  const timer = e.timerStartedEventAttributes;
  if (timer) return say(timer.timerId);
  const fired = e.timerFiredEventAttributes ?? e.timerCanceledEventAttributes;
  if (fired) return say(fired.timerId);
  const marker = e.markerRecordedEventAttributes;
  if (marker)
    return say(marker.markerName, attemptIn(marker.details?.['data']), marker.details?.['result']?.payloads);
  const shown = e.upsertWorkflowSearchAttributesEventAttributes;
  if (shown) return say(fields(shown.searchAttributes?.indexedFields));
  const memo = e.workflowPropertiesModifiedEventAttributes;
  if (memo) return say(fields(memo.upsertedMemo?.fields));
  const refused = e.workflowTaskFailedEventAttributes;
  if (refused) return say(`cause ${refused.cause}`);
  const late = e.workflowTaskTimedOutEventAttributes;
  if (late) return say(`of type ${late.timeoutType}`);
  const result = e.workflowExecutionCompletedEventAttributes;
  if (result) return say(result.result?.payloads);
  const lost = e.workflowExecutionFailedEventAttributes?.failure;
  if (lost) return say(lost.message, lost.applicationFailureInfo?.type);
  const again = e.workflowExecutionContinuedAsNewEventAttributes;
  if (again) return say(again.workflowType?.name, again.input?.payloads);
  return '';
}

/** Of a step that was carried out within its task. */
const attemptIn = (of: { readonly payloads?: readonly Payload[] | null } | undefined): string => {
  const [data] = of?.payloads ?? [];
  return data === undefined ? '' : `attempt ${(JSON.parse(text(data)) as { attempt: number }).attempt}`;
};

type Said = string | readonly Payload[] | null | undefined;

const say = (...parts: readonly Said[]): string =>
  parts
    .flatMap((part) => (typeof part === 'string' ? [part] : (part ?? []).map(text)))
    .filter((part) => part !== '')
    .join(' ');

const text = ({ data }: Payload): string => (data?.length ? Buffer.from(data).toString() : 'null');

const fields = (of: Readonly<Record<string, Payload>> | null | undefined): string =>
  Object.entries(of ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${text(value)}`)
    .join(' ');

/** Ids by their first appearance; times, whether in milliseconds or written out, not at all. */
function namer(): (line: string) => string {
  const known = new Map<string, string>();
  const named = (kind: string) => (id: string) => {
    const name = known.get(id) ?? `<${kind} ${known.size}>`;
    known.set(id, name);
    return name;
  };
  return (line) =>
    line
      .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\brun-\d+-[0-9a-f]+\b/g, named('id'))
      .replace(/\b[0-9a-f]{32}\b/g, named('run'))
      .replace(/\b(?:\d+-)?[0-9a-f]{12}\b/g, named('plan'))
      .replace(/\b1[78]\d{8}(\d{3})?\b/g, '<time>')
      .replace(/"at(Least|Most)":\d+/g, '"at$1":<left>')
      .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z?/g, '<time>')
      .replace(/\b\d\d:\d\d:\d\d\b/g, '<time>');
}
