/** Who is told of notices: a webhook, a Slack-compatible channel, PagerDuty. Addresses and keys are secrets. */
import type { NoticeConfig } from '../config/config.js';
import { HoldfastError, fault } from '../domain/failure.js';
import { NOTICES } from '../domain/notice.js';
import { bounded } from './bounded-call.js';
import { sendToFlink } from './flink-http.js';
import type { Call, LinkedNotice, Receiver, ReceiverAnswer } from './ports.js';

/** Milliseconds for one try. */
const DEADLINE = 10_000;

export const receiversOf = (configured: readonly NoticeConfig[]): readonly Receiver[] =>
  configured.map((of, index) => {
    const name = `notices[${index}] (${of.kind})`;
    return {
      name,
      minSeverity: of.minSeverity,
      send: (notice, call) => sendAll(name, of, bodiesOf(of, notice), call),
    };
  });

/** Each body is a request of its own; the first that is not taken decides. Receivers merge what comes twice, by its key. */
async function sendAll(
  name: string,
  of: NoticeConfig,
  bodies: readonly object[],
  call: Call,
): Promise<ReceiverAnswer> {
  for (const body of bodies) {
    const answer = await post(name, of, body, call);
    if (answer.is === 'refused') return answer;
  }
  return { is: 'taken' };
}

async function post(name: string, of: NoticeConfig, body: object, call: Call): Promise<ReceiverAnswer> {
  const url = new URL(of.url.reveal());
  const authorization =
    of.kind === 'webhook' && of.bearer !== undefined ? `Bearer ${of.bearer.reveal()}` : null;
  const late = (ms: number) => fault('Unclassified', `no answer within ${ms} ms`);
  try {
    return await bounded(call, { deadline: DEADLINE, late }, async (bounds): Promise<ReceiverAnswer> => {
      const sent = await sendToFlink(
        url.origin,
        { method: 'POST', path: url.pathname + url.search, body: { json: body }, timeout: bounds.left() },
        { authorization, tls: {} },
        bounds,
      );
      if (sent.is === 'no-answer') return refused(`${name} ${sent.message}`, true);
      if (sent.status >= 200 && sent.status < 300) return { is: 'taken' };
      const again = sent.status === 408 || sent.status === 429 || sent.status >= 500;
      return refused(`${name} answered HTTP ${sent.status}, expected 2xx`, again);
    });
  } catch (error) {
    if (call.signal.aborted) throw call.signal.reason;
    if (error instanceof HoldfastError) return refused(`${name}: ${error.fault.message}`, true);
    throw error;
  }
}

const refused = (because: string, again: boolean): ReceiverAnswer => ({ is: 'refused', because, again });

function bodiesOf(of: NoticeConfig, notice: LinkedNotice): readonly object[] {
  switch (of.kind) {
    case 'webhook':
      return [webhookBody(notice)];
    case 'slack':
      return [{ text: slackText(notice) }];
    case 'pagerduty':
      return pagerdutyEvents(of.routingKey.reveal(), notice);
  }
}

/** The contract of our own webhook: docs/watch.md. */
function webhookBody(notice: LinkedNotice): object {
  const { kind, severity, state, key, ends, cluster, job, summary, at, workflowId, link } = notice;
  const { person } = NOTICES[kind];
  const time = new Date(at).toISOString();
  return {
    version: 1,
    kind,
    severity,
    state,
    key,
    ends,
    cluster,
    job,
    summary,
    at: time,
    person,
    workflowId,
    link,
  };
}

const MARKS = { info: ':information_source:', warning: ':warning:', critical: ':rotating_light:' } as const;

function slackText(notice: LinkedNotice): string {
  const { kind, severity, state, cluster, job, summary, link } = notice;
  const mark = state === 'over' ? ':white_check_mark:' : MARKS[severity];
  const plain = (text: string) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const lines = [
    `${mark} *${job}* on ${cluster}: ${kind}${state === 'over' && !kind.startsWith('Case') ? ' is over' : ''}`,
    plain(summary),
  ];
  if (state === 'raised') lines.push(`_${plain(NOTICES[kind].person)}_`);
  if (link !== null) lines.push(`<${link}|Temporal>`);
  return lines.join('\n');
}

/** Events API v2: what is raised triggers, what is over resolves every event that it ends. */
function pagerdutyEvents(routingKey: string, notice: LinkedNotice): readonly object[] {
  const { kind, severity, state, key, ends, cluster, job, summary, at, link } = notice;
  const resolves = ends.map((ended) => ({
    routing_key: routingKey,
    event_action: 'resolve',
    dedup_key: dedupKey(ended),
  }));
  if (state === 'over') return resolves;
  const trigger = {
    routing_key: routingKey,
    event_action: 'trigger',
    dedup_key: dedupKey(key),
    payload: {
      summary: `${job} on ${cluster}: ${summary}`.slice(0, 1024),
      source: `holdfast/${cluster}`,
      severity,
      timestamp: new Date(at).toISOString(),
      component: job,
      group: cluster,
      class: kind,
      custom_details: { person: NOTICES[kind].person },
    },
    links: link === null ? [] : [{ href: link, text: 'Temporal' }],
  };
  return [...resolves, trigger];
}

/** PagerDuty takes at most 255 characters. */
const dedupKey = (key: string): string => key.slice(-255);
