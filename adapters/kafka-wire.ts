/** Requests and answers as they are on the wire: error codes are read by us, not by the client. */

export interface Metadata {
  readonly brokers: readonly BrokerAddress[];
  readonly controllerId: number;
  readonly topicMetadata: readonly TopicMetadata[];
}

export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export interface TopicMetadata {
  readonly topicErrorCode: number;
  readonly topic: string;
  readonly partitionMetadata: readonly PartitionMetadata[];
}

export interface PartitionMetadata {
  readonly partitionErrorCode: number;
  readonly partitionId: number;
  /** Node id; -1: none. */
  readonly leader: number;
}

interface OfTopic<P> {
  readonly topic: string;
  readonly partitions: readonly P[];
}

/** By request: what is sent and what comes back. */
export interface Wire {
  readonly Metadata: {
    readonly send: { readonly topics: readonly string[]; readonly allowAutoTopicCreation: false };
    readonly answer: Metadata;
  };
  readonly ListOffsets: {
    readonly send: {
      readonly isolationLevel: 0;
      readonly topics: readonly OfTopic<{ readonly partition: number; readonly timestamp: string }>[];
    };
    readonly answer: {
      readonly responses: readonly OfTopic<{
        readonly partition: number;
        readonly errorCode: number;
        readonly offset: string;
      }>[];
    };
  };
  readonly Fetch: {
    readonly send: {
      readonly isolationLevel: 0;
      readonly maxWaitTime: number;
      readonly minBytes: number;
      readonly maxBytes: number;
      readonly topics: readonly OfTopic<{
        readonly partition: number;
        readonly fetchOffset: string;
        readonly maxBytes: number;
      }>[];
    };
    /** Version 4, undecoded. */
    readonly answer: Buffer;
  };
  readonly GroupCoordinator: {
    readonly send: { readonly groupId: string };
    readonly answer: { readonly errorCode: number; readonly coordinator: BrokerAddress };
  };
  readonly DescribeGroups: {
    readonly send: { readonly groupIds: readonly string[] };
    readonly answer: {
      readonly groups: readonly {
        readonly errorCode: number;
        readonly groupId: string;
        readonly state: string;
        readonly members: readonly unknown[];
      }[];
    };
  };
  readonly ListGroups: {
    readonly send: Readonly<Record<string, never>>;
    readonly answer: {
      readonly errorCode: number;
      readonly groups: readonly { readonly groupId: string }[];
    };
  };
  readonly OffsetFetch: {
    readonly send: {
      readonly groupId: string;
      readonly topics: readonly OfTopic<{ readonly partition: number }>[];
    };
    readonly answer: {
      readonly errorCode?: number;
      readonly responses: readonly OfTopic<{
        readonly partition: number;
        readonly offset: string;
        readonly errorCode: number;
      }>[];
    };
  };
  readonly OffsetCommit: {
    readonly send: {
      readonly groupId: string;
      readonly groupGenerationId: -1;
      readonly memberId: '';
      readonly topics: readonly OfTopic<{
        readonly partition: number;
        readonly offset: string;
        readonly metadata: null;
      }>[];
    };
    readonly answer: {
      readonly responses: readonly OfTopic<{ readonly partition: number; readonly errorCode: number }>[];
    };
  };
  readonly DescribeConfigs: {
    readonly send: {
      readonly resources: readonly {
        readonly type: number;
        readonly name: string;
        readonly configNames: readonly string[];
      }[];
    };
    readonly answer: {
      readonly resources: readonly {
        readonly errorCode: number;
        readonly resourceName: string;
        readonly configEntries: readonly {
          readonly configName: string;
          readonly configValue: string | null;
        }[];
      }[];
    };
  };
}

/** One broker, connected and authenticated. Every failure is a KafkaError. */
export interface KafkaBroker {
  readonly address: string;
  request<A extends keyof Wire>(api: A, payload: Wire[A]['send']): Promise<Wire[A]['answer']>;
}

/** Connects to one broker for the time of one call. @throws KafkaError */
export type ConnectBroker = (host: string, port: number) => Promise<KafkaBroker>;
