/** The formats that alerts come in. Each parser takes a body and says what is an alert, and what can never be one. */
import { createHash } from 'node:crypto';
import type { AlertSource } from '../domain/alert.js';
import {
  isTree,
  labelsOf,
  linkOf,
  textOf,
  timeOf,
  type Incoming,
  type Parsed,
  type Tree,
} from './incoming.js';

/** @param now epoch milliseconds, for alerts without a time. */
export type Parser = (body: unknown, now: number) => Parsed;

type One = { readonly alert: Incoming } | { readonly malformed: string } | 'ignored';

function gather(parts: readonly One[]): Parsed {
  return {
    alerts: parts.flatMap((part) => (typeof part === 'object' && 'alert' in part ? [part.alert] : [])),
    malformed: parts.flatMap((part) =>
      typeof part === 'object' && 'malformed' in part ? [part.malformed] : [],
    ),
    ignored: parts.filter((part) => part === 'ignored').length,
  };
}

const malformed = (what: string): Parsed => ({ alerts: [], malformed: [what], ignored: 0 });

/** The same labels, the same fingerprint, in whatever order they come. */
export const fingerprintOf = (labels: Readonly<Record<string, string>>): string =>
  createHash('sha256')
    .update(JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex')
    .slice(0, 16);

/** Alertmanager's webhook (version 4); Grafana's has the same shape with other links. */
function webhook(source: AlertSource, linkFields: readonly string[]): Parser {
  return (body, now) => {
    if (!isTree(body) || !Array.isArray(body['alerts'])) {
      return malformed(`expected ${source}'s webhook: an object with a list 'alerts'`);
    }
    return gather(
      body['alerts'].map((entry: unknown, i): One => {
        if (!isTree(entry) || !isTree(entry['labels'])) {
          return { malformed: `alerts[${i}]: expected an object with 'labels'` };
        }
        const status = entry['status'] ?? body['status'];
        if (status !== 'firing' && status !== 'resolved') {
          return { malformed: `alerts[${i}].status: expected firing or resolved` };
        }
        const labels = labelsOf(entry['labels']);
        const notes = labelsOf(entry['annotations']);
        return {
          alert: {
            source,
            fingerprint: textOf(entry['fingerprint']) ?? fingerprintOf(labels),
            summary:
              notes['summary'] ?? notes['description'] ?? labels['alertname'] ?? 'an alert without a name',
            startedAt: timeOf(entry['startsAt']) ?? now,
            resolvedAt: status === 'resolved' ? (timeOf(entry['endsAt']) ?? now) : null,
            labels,
            link: firstLink(entry, linkFields),
          },
        };
      }),
    );
  };
}

const firstLink = (entry: Tree, fields: readonly string[]): string | null =>
  fields.map((field) => linkOf(entry[field])).find((link) => link !== null) ?? null;

export const alertmanager = webhook('alertmanager', ['generatorURL']);
export const grafana = webhook('grafana', ['panelURL', 'dashboardURL', 'generatorURL']);

/** PagerDuty's webhook (version 3), or an event of its Events API (version 2) sent here directly. */
export const pagerduty: Parser = (body, now) => {
  if (isTree(body) && isTree(body['event'])) return gather([pagerdutyWebhook(body['event'], now)]);
  if (isTree(body) && typeof body['event_action'] === 'string') return gather([pagerdutyEvent(body, now)]);
  return malformed("expected PagerDuty's webhook (an object 'event') or event ('event_action')");
};

function pagerdutyWebhook(event: Tree, now: number): One {
  const type = textOf(event['event_type']) ?? '';
  const data = event['data'];
  if (!/^incident\.(triggered|reopened|acknowledged|unacknowledged|escalated|resolved)$/.test(type))
    return 'ignored';
  if (!isTree(data) || textOf(data['id']) === null)
    return { malformed: 'event.data: expected an incident with its id' };
  const service = isTree(data['service']) ? data['service'] : {};
  const body = isTree(data['body']) ? data['body'] : {};
  const labels = {
    ...labelsOf(body['details']),
    ...labelsOf({
      incident_key: data['incident_key'],
      service: service['summary'],
      service_id: service['id'],
      urgency: data['urgency'],
      title: data['title'],
    }),
  };
  const at = timeOf(event['occurred_at']) ?? now;
  return {
    alert: {
      source: 'pagerduty',
      fingerprint: textOf(data['id']) ?? '',
      summary: textOf(data['title']) ?? `incident ${textOf(data['id']) ?? ''}`,
      startedAt: timeOf(data['created_at']) ?? at,
      resolvedAt: type === 'incident.resolved' ? at : null,
      labels,
      link: linkOf(data['html_url']),
    },
  };
}

function pagerdutyEvent(event: Tree, now: number): One {
  const action = event['event_action'];
  if (action === 'acknowledge') return 'ignored';
  if (action !== 'trigger' && action !== 'resolve')
    return { malformed: 'event_action: expected trigger, acknowledge or resolve' };
  const payload = isTree(event['payload']) ? event['payload'] : {};
  const labels = {
    ...labelsOf(payload['custom_details']),
    ...labelsOf({
      source: payload['source'],
      severity: payload['severity'],
      component: payload['component'],
      group: payload['group'],
      incident_key: event['dedup_key'],
    }),
  };
  return {
    alert: {
      source: 'pagerduty',
      fingerprint: textOf(event['dedup_key']) ?? fingerprintOf(labels),
      summary: textOf(payload['summary']) ?? 'an event without a summary',
      startedAt: timeOf(payload['timestamp']) ?? now,
      resolvedAt: action === 'resolve' ? now : null,
      labels,
      link: linkOf(event['client_url']),
    },
  };
}

/** CloudEvents 1.0, structured mode, one or a batch. Binary mode is put into this shape first. */
export const cloudevents: Parser = (body, now) => {
  const events: readonly unknown[] = Array.isArray(body) ? body : [body];
  return gather(
    events.map((event, i): One => {
      const where = Array.isArray(body) ? `[${i}]: ` : '';
      if (!isTree(event)) return { malformed: `${where}expected a CloudEvent` };
      const [type, source] = [textOf(event['type']), textOf(event['source'])];
      if (
        textOf(event['specversion']) !== '1.0' ||
        type === null ||
        source === null ||
        textOf(event['id']) === null
      ) {
        return { malformed: `${where}expected a CloudEvent with specversion 1.0, id, source and type` };
      }
      const data = isTree(event['data']) ? event['data'] : {};
      const subject = textOf(event['subject']);
      const labels = {
        ...labelsOf(data),
        ...labelsOf(data['labels']),
        type,
        source,
        ...(subject === null ? {} : { subject }),
      };
      const at = timeOf(event['time']) ?? now;
      const over = /\.resolved$/.test(type) || data['status'] === 'resolved';
      return {
        alert: {
          source: 'cloudevents',
          fingerprint:
            textOf(data['fingerprint']) ??
            fingerprintOf({ type: type.replace(/\.resolved$/, ''), source, subject: subject ?? '' }),
          summary:
            textOf(data['summary']) ??
            textOf(data['message']) ??
            `${type}${subject === null ? '' : ` of ${subject}`}`,
          startedAt: timeOf(data['startedAt']) ?? at,
          resolvedAt: over ? at : null,
          labels,
          link: linkOf(data['link']),
        },
      };
    }),
  );
};

/** Our own small JSON: one alert, a list, or `{alerts: [...]}`. See docs/alerts.md. */
export const own: Parser = (body, now) => {
  const entries: readonly unknown[] = Array.isArray(body)
    ? body
    : isTree(body) && Array.isArray(body['alerts'])
      ? body['alerts']
      : [body];
  return gather(
    entries.map((entry, i): One => {
      const where = entries.length > 1 ? `[${i}]: ` : '';
      if (!isTree(entry))
        return { malformed: `${where}expected an alert such as {"job": "window-counts", "summary": "…"}` };
      const labels = {
        ...labelsOf(entry['labels']),
        ...labelsOf({ holdfast_job: entry['job'], cluster: entry['cluster'], job_id: entry['run'] }),
      };
      if (Object.keys(labels).length === 0) {
        return { malformed: `${where}expected 'job', or 'labels' that lead to a job` };
      }
      const status = entry['status'] ?? 'firing';
      if (status !== 'firing' && status !== 'resolved') {
        return { malformed: `${where}status: expected firing (the default) or resolved` };
      }
      const summary = textOf(entry['summary']) ?? 'an alert without a summary';
      return {
        alert: {
          source: 'api',
          fingerprint: textOf(entry['fingerprint']) ?? fingerprintOf(labels),
          summary,
          startedAt: timeOf(entry['startedAt']) ?? now,
          resolvedAt: status === 'resolved' ? (timeOf(entry['resolvedAt']) ?? now) : null,
          labels,
          link: linkOf(entry['link']),
        },
      };
    }),
  );
};
