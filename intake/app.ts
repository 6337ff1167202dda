/**
 * Alerts in. A body is answered 2xx only when Temporal has all of it, else 503 for the whole body: senders repeat, and
 * cases merge what they hear twice. 4xx only for what can never be accepted.
 */
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { ClientError, type CaseRef, type HoldfastClient } from '../client/index.js';
import type { Config } from '../config/config.js';
import { hasSignature, hasToken, isGuarded, isSigned } from './authenticate.js';
import { atMost } from './in-flight.js';
import { clip, toAlert, type Incoming } from './incoming.js';
import { counters, type Counters } from './metrics.js';
import { resolveJob, type LedgerOf, type Resolution } from './resolve.js';
import { alertmanager, cloudevents, grafana, own, pagerduty, type Parser } from './senders.js';

/** Where the intake writes what it did; pino's loggers fit. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface IntakeOptions {
  readonly client: Pick<HoldfastClient, 'raiseAlert' | 'resolveAlert' | 'ledger'>;
  readonly config: Pick<Config, 'jobs' | 'clusters' | 'intake'>;
  readonly log: Log;
  /** Epoch milliseconds. Default: the clock. */
  readonly now?: () => number;
}

const BODY_BYTES = 1024 * 1024;
const CALLS_IN_FLIGHT = 50;
/** A ledger changes when a job gets a new run: seconds are fresh enough, and one body may hold hundreds of alerts. */
const LEDGER_FRESH_MS = 5_000;

const SENDERS: Readonly<Record<string, { readonly path: string; readonly parse: Parser }>> = {
  api: { path: '/v1/alerts', parse: own },
  alertmanager: { path: '/v1/alerts/alertmanager', parse: alertmanager },
  grafana: { path: '/v1/alerts/grafana', parse: grafana },
  pagerduty: { path: '/v1/alerts/pagerduty', parse: pagerduty },
  cloudevents: { path: '/v1/alerts/cloudevents', parse: cloudevents },
};

/** What became of a body. */
export interface Receipt {
  readonly accepted: number;
  readonly resolved: number;
  readonly unmatched: readonly { readonly summary: string; readonly why: string }[];
  readonly malformed: readonly string[];
  readonly cases: readonly Pick<CaseRef, 'job' | 'cluster' | 'workflowId' | 'link'>[];
}

export function intakeApp({ client, config, log, now = Date.now }: IntakeOptions): Hono {
  const app = new Hono();
  const counted = counters();
  const limited = atMost(CALLS_IN_FLIGHT);
  const ledgerOf = freshLedgers(client, now);

  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/metrics', (c) => c.text(counted.text(), 200, { 'content-type': 'text/plain; version=0.0.4' }));

  for (const [sender, { path, parse }] of Object.entries(SENDERS)) {
    const answer = (c: Context, status: 202 | 400 | 401 | 413 | 422 | 503, body: object) => {
      counted.add('holdfast_intake_requests_total', { sender, status: String(status) });
      if (status === 503) c.header('retry-after', '5');
      return c.json(body, status);
    };
    app.post(
      path,
      async (c, next) => {
        const shown = { header: (name: string) => c.req.header(name) };
        if (
          isGuarded(config.intake) &&
          !hasToken(config.intake, shown) &&
          !(config.intake.hmac && isSigned(shown))
        ) {
          c.header('www-authenticate', 'Bearer');
          return answer(c, 401, {
            error: 'expected a bearer token or a signature of the body (docs/alerts.md)',
          });
        }
        return next();
      },
      bodyLimit({
        maxSize: BODY_BYTES,
        onError: (c) =>
          answer(c, 413, { error: `expected at most ${BODY_BYTES} bytes: send fewer alerts at once` }),
      }),
      async (c) => {
        const bytes = new Uint8Array(await c.req.arrayBuffer());
        const shown = { header: (name: string) => c.req.header(name) };
        if (
          isGuarded(config.intake) &&
          !hasToken(config.intake, shown) &&
          !hasSignature(config.intake, shown, bytes)
        ) {
          return answer(c, 401, { error: 'the signature does not fit the body' });
        }
        const body = parseJson(bytes);
        if (body === undefined) return answer(c, 400, { error: 'expected JSON in UTF-8' });
        const parsed = parse(sender === 'cloudevents' ? structured(c, body) : body, now());
        if (parsed.malformed.length > 0) {
          counted.add(
            'holdfast_intake_alerts_total',
            { sender, outcome: 'malformed' },
            parsed.malformed.length,
          );
          log.warn({ sender, malformed: parsed.malformed.slice(0, 20) }, 'alerts that cannot be understood');
        }
        if (parsed.alerts.length === 0 && parsed.malformed.length > 0) {
          return answer(c, 422, { error: parsed.malformed.slice(0, 20).join('; ') });
        }
        try {
          const receipt = await handOver(parsed.alerts, parsed.malformed, {
            client,
            config,
            log,
            ledgerOf,
            limited,
            counted,
            sender,
          });
          return answer(c, 202, receipt);
        } catch (error) {
          const why =
            error instanceof ClientError ? error.message : 'the alerts could not be handed to Temporal';
          log.error(
            { sender, alerts: parsed.alerts.length, err: error },
            'alerts not accepted: the sender has to repeat them',
          );
          return answer(c, 503, { error: `${why}; nothing is lost if you send this again` });
        }
      },
    );
  }

  app.notFound((c) =>
    c.json(
      {
        error: `expected POST to one of ${Object.values(SENDERS)
          .map((s) => s.path)
          .join(', ')}`,
      },
      404,
    ),
  );
  app.onError((error, c) => {
    log.error({ err: error }, 'unexpected failure of the intake');
    return c.json({ error: 'unexpected failure; send this again' }, 503);
  });
  return app;
}

interface HandOver extends Pick<IntakeOptions, 'client' | 'config' | 'log'> {
  readonly ledgerOf: LedgerOf;
  readonly limited: <T>(call: () => Promise<T>) => Promise<T>;
  readonly counted: Counters;
  readonly sender: string;
}

/**
 * Gives every alert to the case of its job: jobs at the same time, the alerts of one job in their order.
 * @throws ClientError when one was not taken; then no further call is begun.
 */
async function handOver(
  alerts: readonly Incoming[],
  malformed: readonly string[],
  { client, config, log, ledgerOf, limited, counted, sender }: HandOver,
): Promise<Receipt> {
  const count = (outcome: string) => counted.add('holdfast_intake_alerts_total', { sender, outcome });
  const byJob = new Map<
    string,
    { readonly incoming: Incoming; readonly to: Extract<Resolution, { is: 'job' }> }[]
  >();
  const unmatched: { summary: string; why: string }[] = [];
  for (const incoming of alerts) {
    const to = await resolveJob(incoming, config, ledgerOf);
    if (to.is === 'unmatched') {
      count('unmatched');
      unmatched.push({ summary: clip(incoming.summary, 300), why: to.why });
      log.warn(
        {
          sender,
          summary: clip(incoming.summary, 300),
          labels: toAlert(incoming, { job: '', cluster: '', run: null }).labels,
          why: to.why,
        },
        'unmatched alert: no recovery was started for it',
      );
      continue;
    }
    const group = byJob.get(to.job) ?? [];
    if (group.some((g) => sameAlert(g.incoming, incoming))) continue;
    byJob.set(to.job, [...group, { incoming, to }]);
  }

  let failed: { readonly error: unknown } | null = null;
  const cases: CaseRef[] = [];
  let [accepted, resolved] = [0, 0];
  await Promise.all(
    [...byJob].map(async ([job, group]) => {
      for (const { incoming, to } of group) {
        await limited(async () => {
          if (failed !== null) return;
          try {
            if (incoming.resolvedAt === null) {
              const ref = await client.raiseAlert(toAlert(incoming, to, to.by));
              if (!cases.some((known) => known.workflowId === ref.workflowId)) cases.push(ref);
              accepted++;
              count('accepted');
              log.info(
                { sender, job, cluster: to.cluster, by: to.by, case: ref.workflowId },
                'alert accepted',
              );
            } else {
              await client.resolveAlert(job, {
                fingerprint: toAlert(incoming, to).fingerprint,
                source: incoming.source,
                at: incoming.resolvedAt,
              });
              resolved++;
              count('resolved');
            }
          } catch (error) {
            failed ??= { error };
          }
        });
      }
    }),
  );
  if (failed !== null) throw (failed as { error: unknown }).error;
  return {
    accepted,
    resolved,
    unmatched,
    malformed,
    cases: cases.map(({ job, cluster, workflowId, link }) => ({ job, cluster, workflowId, link })),
  };
}

const sameAlert = (a: Incoming, b: Incoming): boolean =>
  a.fingerprint === b.fingerprint &&
  a.startedAt === b.startedAt &&
  (a.resolvedAt === null) === (b.resolvedAt === null);

/** Undefined when it is not JSON in UTF-8; `null` is JSON. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

/** A CloudEvent in binary mode has its attributes in headers: `ce-type`, `ce-source`, … */
function structured(c: Context, body: unknown): unknown {
  if (c.req.header('ce-specversion') === undefined) return body;
  const attributes = Object.entries(c.req.header())
    .filter(([name]) => name.startsWith('ce-'))
    .map(([name, value]) => [name.slice(3), value]);
  return { ...(Object.fromEntries(attributes) as object), data: body };
}

/**
 * Ledgers, asked for at most every few seconds.
 * One that cannot be read now throws: "not in the ledger" must not be said of a ledger that nobody could look at.
 */
function freshLedgers(client: Pick<HoldfastClient, 'ledger'>, now: () => number): LedgerOf {
  const kept = new Map<string, { readonly at: number; readonly ledger: ReturnType<LedgerOf> }>();
  return (cluster) => {
    const known = kept.get(cluster);
    if (known !== undefined && now() - known.at < LEDGER_FRESH_MS) return known.ledger;
    const ledger = client.ledger(cluster);
    kept.set(cluster, { at: now(), ledger });
    ledger.catch(() => kept.delete(cluster));
    return ledger;
  };
}
