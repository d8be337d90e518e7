{{/* Labels of everything. Names begin with that of the release. */}}
{{- define "remora.labels" -}}
app.kubernetes.io/name: remora
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Takes {root, component, name}: metadata of an object of a component; "" for those of all. */}}
{{- define "remora.metadata" -}}
name: {{ .name }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels:
  {{- include "remora.labels" .root | nindent 2 }}
  {{- with .component }}
  app.kubernetes.io/component: {{ . }}
  {{- end }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Takes {root, component}: how pods of a component are known. */}}
{{- define "remora.selector" -}}
app.kubernetes.io/name: remora
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Takes {root, image, tag}. */}}
{{- define "remora.image" -}}
{{- $registry := .root.Values.global.imageRegistry | default .image.registry -}}
{{- $name := empty $registry | ternary .image.repository (printf "%s/%s" (trimSuffix "/" $registry) .image.repository) -}}
{{- if .image.digest -}}
{{ $name }}@{{ .image.digest }}
{{- else -}}
{{ $name }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "remora.pullSecrets" -}}
{{- with concat .Values.global.imagePullSecrets .Values.imagePullSecrets -}}
imagePullSecrets:
{{- range . }}
  - name: {{ kindIs "string" . | ternary . (get (kindIs "string" . | ternary (dict) .) "name") }}
{{- end }}
{{- end }}
{{- end }}

{{/* Takes {root, component}: name of its service account. */}}
{{- define "remora.account" -}}
{{- $own := printf "%s-%s" .root.Release.Name .component -}}
{{- with (get .root.Values .component).serviceAccount -}}
{{- .name | default (.create | ternary $own "default") -}}
{{- end -}}
{{- end }}

{{/* What is the same for all kinds of pods. Takes {root, component}. */}}
{{- define "remora.placement" -}}
{{- $pod := get .root.Values .component -}}
{{- include "remora.pullSecrets" .root }}
{{- with $pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $spread := $pod.topologySpreadConstraints }}
{{- if and (empty $spread) (gt (int ($pod.replicas | default 1)) 1) }}
{{- $spread = list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway") }}
{{- end }}
{{- with $spread }}
topologySpreadConstraints:
  {{- range . }}
  - {{- toYaml (merge (dict) . (dict "labelSelector" (dict "matchLabels" (include "remora.selector" $ | fromYaml)))) | nindent 4 }}
  {{- end }}
{{- end }}
{{- with $pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
terminationGracePeriodSeconds: {{ $pod.terminationGracePeriodSeconds }}
{{- end }}

{{/* Settings that are secret: their places in `config`. */}}
{{- define "remora.secretSettings" -}}
- nats.password
- nats.token
- entries.clickhouse.password
- scripting.otel.headers
- scripting.alerts.channels
{{- end }}

{{/* Those of them that somebody has set, by the key that they have in the secret, which is also their variable. */}}
{{- define "remora.secretValues" -}}
{{- $found := dict -}}
{{- range include "remora.secretSettings" . | fromYamlArray -}}
{{- $at := $.Values.config -}}
{{- range splitList "." . -}}
{{- $at = kindIs "map" $at | ternary (get (kindIs "map" $at | ternary $at (dict)) .) "" -}}
{{- end -}}
{{- if not (empty $at) -}}
{{- $_ := set $found (printf "REMORA_%s" (. | replace "." "_" | upper)) (kindIs "string" $at | ternary $at (toJson $at)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}

{{/* Name of the role of enforcement; "" where there is none, or it comes from elsewhere. */}}
{{- define "remora.policyOwner" -}}
{{- if and .Values.rbac.create (dig "scripting" "allowEnforcement" false .Values.config) -}}
{{ .Release.Namespace }}-{{ .Release.Name }}-enforcement
{{- end -}}
{{- end }}

{{/* The settings of a release: what the chart knows, and over it what people say, without what is secret. */}}
{{- define "remora.settings" -}}
{{- $release := .Release.Name -}}
{{- $said := deepCopy .Values.config -}}
{{- if dig "hub" "tokens" (list) $said -}}
{{- fail "config.hub.tokens would be read by everybody who may read config maps: use auth.token, auth.tokens or auth.existingSecret" -}}
{{- end -}}
{{- /* Those of services are labels of DNS; those of a StatefulSet get a hash of ten characters more, as a label. */ -}}
{{- if not (regexMatch "^[a-z][-a-z0-9]{0,46}$" $release) -}}
{{- fail (printf "names of services begin with that of the release, %q: it has to begin with a letter, and to go on with at most 46 letters, digits and -" $release) -}}
{{- end -}}
{{- if and .Values.rbac.create (dig "scripting" "enforcement" "owner" "" $said) -}}
{{- fail "config.scripting.enforcement.owner is the role that the chart makes: leave it out (or say rbac.create=false where the rights come from elsewhere)" -}}
{{- end -}}
{{- if and .Values.rbac.create (dig "kubernetes" "namespaces" (list) $said) -}}
{{- fail "config.kubernetes.namespaces goes with rights in these namespaces: say rbac.clusterWide=false and rbac.namespaces, which give both (or rbac.create=false where the rights come from elsewhere)" -}}
{{- end -}}
{{- range list "nats" "entries.clickhouse" -}}
{{- $at := $said -}}
{{- range splitList "." . -}}
{{- $at = get $at . | default dict -}}
{{- end -}}
{{- if regexMatch "//[^/]*@" (get $at "url" | toString) -}}
{{- fail (printf "config.%s.url has a password, which would be read by everybody who may read config maps: use config.%s.user and config.%s.password" . . .) -}}
{{- end -}}
{{- end -}}
{{- range append (include "remora.secretSettings" . | fromYamlArray) "scripting.env" -}}
{{- $steps := splitList "." . -}}
{{- $at := $said -}}
{{- range initial $steps -}}
{{- $at = get ($at | default dict) . | default dict -}}
{{- end -}}
{{- $_ := unset $at (last $steps) -}}
{{- end -}}
{{- $namespaces := list -}}
{{- if not .Values.rbac.clusterWide -}}
{{- $namespaces = .Values.rbac.namespaces | default (list .Release.Namespace) -}}
{{- end -}}
{{- $nats := dict -}}
{{- if .Values.nats.enabled -}}
{{- $nats = dict "url" (printf "nats://%s-nats.%s.svc:4222" $release .Release.Namespace) "user" "remora" "replicas" (int .Values.nats.replicas) -}}
{{- else if not (dig "nats" "url" "" $said) -}}
{{- fail "nats.enabled is false, so say where NATS is: config.nats.url" -}}
{{- end -}}
{{- $known := dict
  "hub" (dict "store" "configmap")
  "kubernetes" (dict "enabled" "on" "namespaces" $namespaces)
  "nats" $nats
  "tap" (dict
    "proxy" (dict "host" "::")
    "release" (dict "name" $release "namespace" .Release.Namespace))
-}}
{{- with include "remora.policyOwner" . -}}
{{- $_ := set $known "scripting" (dict "enforcement" (dict "owner" .)) -}}
{{- end -}}
{{- toYaml (mergeOverwrite $known $said) -}}
{{- end }}

{{- define "remora.secretName" -}}
{{- .Values.auth.existingSecret | default (printf "%s-secret" .Release.Name) -}}
{{- end }}

{{/* Variables that hub and workers have both. */}}
{{- define "remora.env" -}}
- name: REMORA_SCRIPTING_ENV
  valueFrom:
    secretKeyRef:
      name: {{ include "remora.secretName" . }}
      key: SCRIPTING_ENV
      optional: true
{{- if .Values.nats.enabled }}
- name: REMORA_NATS_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "remora.secretName" . }}
      key: NATS_PASSWORD
{{- end }}
{{- range $name, $_ := include "remora.secretValues" . | fromYaml }}
{{- if not (and $.Values.nats.enabled (eq $name "REMORA_NATS_PASSWORD")) }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ include "remora.secretName" $ }}
      key: {{ $name }}
{{- end }}
{{- end }}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- end }}

{{/* Takes {probes, port}. */}}
{{- define "remora.probes" -}}
{{- range $kind, $path := dict "liveness" "/healthz" "readiness" "/readyz" "startup" "/healthz" }}
{{ $kind }}Probe:
  httpGet:
    path: {{ $path }}
    port: metrics
  {{- toYaml (get $.probes $kind) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "remora.apiPort" -}}
{{ dig "tap" "proxy" "front" "port" 8899 .Values.config | int }}
{{- end }}
{{/* Its name says whether the hub has a certificate: commands that forward it go by that. */}}
{{- define "remora.apiPortName" -}}
{{ dig "hub" "tls" "cert" "" .Values.config | empty | ternary "api" "https" }}
{{- end }}
{{- define "remora.hubMetricsPort" -}}
{{ dig "hub" "metricsPort" 9100 .Values.config | int }}
{{- end }}
{{- define "remora.workerMetricsPort" -}}
{{ dig "tap" "metrics" "port" 49100 .Values.config | int }}
{{- end }}

{{/* What pods have read when they started: they start again when it changes. */}}
{{- define "remora.checksums" -}}
checksum/settings: {{ include "remora.settings" . | sha256sum }}
checksum/secret: {{ printf "%s%s" (toJson (dig "scripting" "env" (dict) .Values.config)) (include "remora.secretValues" .) | sha256sum }}
{{- end }}

{{/* A quantity of Kubernetes, such as 1.5Gi, in bytes. */}}
{{- define "remora.bytes" -}}
{{- $units := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $unit := regexFind "[A-Za-z]*$" . -}}
{{- mulf (float64 (trimSuffix $unit .)) (get $units $unit) | floor | int64 -}}
{{- end }}

{{/* Of one pod that is not well none may be missing, so that its node could never be drained. */}}
{{- define "remora.evictionPolicy" -}}
{{- if semverCompare ">=1.27-0" .Capabilities.KubeVersion.Version -}}
unhealthyPodEvictionPolicy: AlwaysAllow
{{- end -}}
{{- end }}
