import protobuf from 'protobufjs'
import { isRecord, type Json, recordOf, textOf, timestamp } from './object.ts'
import { Refusal } from './status.ts'

export const PROTOBUF = 'application/vnd.kubernetes.protobuf'

/**
 * What `kubectl create configmap`, `auth can-i` and others send instead of JSON: an envelope, and in it the message of the kind. Only
 * those that small commands send are read. https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
 */
export function decodeProtobuf(body: Uint8Array): Json {
  if (Buffer.from(body.subarray(0, 4)).toString('latin1') !== 'k8s\0') throw notUnderstood('no envelope')
  const envelope = plain('Unknown', body.subarray(4))
  const { apiVersion, kind } = recordOf(envelope.typeMeta)
  const { raw } = envelope
  if (!(raw instanceof Uint8Array) || TYPES.get(textOf(kind)) === null) throw notUnderstood(textOf(kind))
  const read = withPlainValues(plain(textOf(kind), raw))
  return { apiVersion, kind, ...recordOf(read) }
}

function plain(type: string, bytes: Uint8Array): Json {
  const message = TYPES.lookupType(type)
  return message.toObject(message.decode(bytes), { longs: Number, defaults: false })
}

/** Times as text, bytes in base64, as they are in JSON. */
function withPlainValues(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(withPlainValues)
  if (!isRecord(value)) return value
  const { creationTimestamp, ...rest } = value
  return {
    ...Object.fromEntries(Object.entries(rest).map(([key, each]) => [key, withPlainValues(each)])),
    ...(isRecord(creationTimestamp) && typeof creationTimestamp.seconds === 'number'
      ? { creationTimestamp: timestamp(creationTimestamp.seconds * 1000) }
      : {}),
  }
}

function notUnderstood(what: string): Refusal {
  return new Refusal(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format (${what}) - accepted media types include: application/json, application/yaml`,
  )
}

/** Of k8s.io/api and k8s.io/apimachinery, `generated.proto`. */
const TYPES = protobuf.parse(
  `
  syntax = "proto2";
  message Unknown { optional TypeMeta typeMeta = 1; optional bytes raw = 2; }
  message TypeMeta { optional string apiVersion = 1; optional string kind = 2; }
  message Time { optional int64 seconds = 1; optional int32 nanos = 2; }
  message OwnerReference { optional string kind = 1; optional string name = 3; optional string uid = 4; optional string apiVersion = 5; optional bool controller = 6; optional bool blockOwnerDeletion = 7; }
  message ObjectMeta { optional string name = 1; optional string generateName = 2; optional string namespace = 3; optional string uid = 5; optional string resourceVersion = 6; optional int64 generation = 7; optional Time creationTimestamp = 8; map<string, string> labels = 11; map<string, string> annotations = 12; repeated OwnerReference ownerReferences = 13; repeated string finalizers = 14; }
  message ConfigMap { optional ObjectMeta metadata = 1; map<string, string> data = 2; map<string, bytes> binaryData = 3; optional bool immutable = 4; }
  message Secret { optional ObjectMeta metadata = 1; map<string, bytes> data = 2; optional string type = 3; map<string, string> stringData = 4; optional bool immutable = 5; }
  message Namespace { optional ObjectMeta metadata = 1; optional NamespaceSpec spec = 2; }
  message NamespaceSpec { repeated string finalizers = 1; }
  message ServiceAccount { optional ObjectMeta metadata = 1; repeated Reference secrets = 2; repeated Reference imagePullSecrets = 3; optional bool automountServiceAccountToken = 4; }
  message Reference { optional string name = 1; }
  message ResourceAttributes { optional string namespace = 1; optional string verb = 2; optional string group = 3; optional string version = 4; optional string resource = 5; optional string subresource = 6; optional string name = 7; }
  message NonResourceAttributes { optional string path = 1; optional string verb = 2; }
  message AccessReviewSpec { optional ResourceAttributes resourceAttributes = 1; optional NonResourceAttributes nonResourceAttributes = 2; optional string user = 3; repeated string groups = 4; }
  message SelfSubjectAccessReview { optional ObjectMeta metadata = 1; optional AccessReviewSpec spec = 2; }
  message SubjectAccessReview { optional ObjectMeta metadata = 1; optional AccessReviewSpec spec = 2; }
  message RulesReviewSpec { optional string namespace = 1; }
  message SelfSubjectRulesReview { optional ObjectMeta metadata = 1; optional RulesReviewSpec spec = 2; }
  message SelfSubjectReview { optional ObjectMeta metadata = 1; }
  message TokenRequest { optional ObjectMeta metadata = 1; optional TokenRequestSpec spec = 2; }
  message TokenRequestSpec { repeated string audiences = 1; optional int64 expirationSeconds = 4; }
  message Preconditions { optional string uid = 1; optional string resourceVersion = 2; }
  message DeleteOptions { optional int64 gracePeriodSeconds = 1; optional Preconditions preconditions = 2; optional bool orphanDependents = 3; optional string propagationPolicy = 4; repeated string dryRun = 5; }
  message PolicyRule { repeated string verbs = 1; repeated string apiGroups = 2; repeated string resources = 3; repeated string resourceNames = 4; repeated string nonResourceURLs = 5; }
  message Role { optional ObjectMeta metadata = 1; repeated PolicyRule rules = 2; }
  message ClusterRole { optional ObjectMeta metadata = 1; repeated PolicyRule rules = 2; }
  message Subject { optional string kind = 1; optional string apiGroup = 2; optional string name = 3; optional string namespace = 4; }
  message RoleRef { optional string apiGroup = 1; optional string kind = 2; optional string name = 3; }
  message RoleBinding { optional ObjectMeta metadata = 1; repeated Subject subjects = 2; optional RoleRef roleRef = 3; }
  message ClusterRoleBinding { optional ObjectMeta metadata = 1; repeated Subject subjects = 2; optional RoleRef roleRef = 3; }
`,
  { keepCase: true },
).root
