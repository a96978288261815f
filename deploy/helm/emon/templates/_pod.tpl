{{/*
emon.pod (list $ workload): the template of the pods of a service in a role.

How they end: preStop keeps an api answering until no proxy sends it new requests; after SIGTERM the server finishes what is
under way within 10 s, and a worker its mails and its batch within 20 s more.
*/}}
{{- define "emon.pod" -}}
{{- $root := index . 0 }}
{{- $it := index . 1 }}
{{- $isApi := eq $it.role "api" }}
metadata:
  labels:
    {{- include "emon.selector" (list $root $it.service $it.role) | nindent 4 }}
    app.kubernetes.io/part-of: emon
    emon/tells-operations: "true"
spec:
  serviceAccountName: {{ include "emon.name" (list $root $it.service) }}
  {{- include "emon.podSettings" $root | nindent 2 }}
  terminationGracePeriodSeconds: {{ ternary 30 45 $isApi }}
  topologySpreadConstraints:
    {{- range $topology := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $topology }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "emon.selector" (list $root $it.service $it.role) | nindent 10 }}
      matchLabelKeys: [{{ ternary "pod-template-hash" "controller-revision-hash" $isApi }}]
    {{- end }}
  containers:
    - name: {{ $it.service }}
      {{- include "emon.containerSettings" (list $root $it.service) | nindent 6 }}
      args: [{{ $it.role }}]
      ports:
        {{- if $isApi }}
        - {name: http, containerPort: 8000}
        {{- end }}
        - {name: operations, containerPort: 9000}
      env:
        {{- include "emon.env" (include "emon.environment" .) | nindent 8 }}
        {{- if not $isApi }}
        # Its name in the consumer group: the one that comes back under it gets its partitions at once.
        - name: EMON_WORKER_INSTANCE
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        {{- end }}
      startupProbe:
        httpGet: {path: /health/live, port: operations}
        periodSeconds: 2
        failureThreshold: 60
        timeoutSeconds: 5
      livenessProbe:
        httpGet: {path: /health/live, port: operations}
        periodSeconds: 10
        failureThreshold: 6
        timeoutSeconds: 5
      readinessProbe:
        {{- if has $it.service (list "gateway" "dashboard") | and $isApi }}
        # Not /health/ready: that also tells of the services behind it, for whose sake nobody is to find the door closed.
        httpGet: {path: /health/live, port: http}
        {{- else }}
        httpGet: {path: /health/ready, port: operations}
        {{- end }}
        periodSeconds: 5
        failureThreshold: 3
        timeoutSeconds: 5
      {{- if $isApi }}
      lifecycle:
        preStop: {sleep: {seconds: 5}}
      {{- end }}
      resources:
        {{- toYaml $it.resources | nindent 8 }}
  {{- include "emon.volumes" (list $root $root.Values.secrets.name (include "emon.secretFiles" . | fromYamlArray)) | nindent 2 }}
{{- end }}

{{/*
emon.podSettings $: what every pod has. Kubernetes' own variables for services are left out, since they begin like our settings:
a service named emon would be EMON_SERVICE_HOST.
*/}}
{{- define "emon.podSettings" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ int64 .Values.runAs.user }}
  runAsGroup: {{ int64 .Values.runAs.group }}
  fsGroup: {{ int64 .Values.runAs.group }}
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.scheduling.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.scheduling.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.scheduling.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* emon.containerSettings (list $ "contacts"): what every container has. */}}
{{- define "emon.containerSettings" -}}
image: {{ include "emon.image" . | quote }}
imagePullPolicy: {{ (index . 0).Values.images.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- if ne (index . 1) "dashboard" }}
  - {name: secrets, mountPath: {{ include "emon.folder" . }}, readOnly: true}
  {{- end }}
{{- end }}

{{/* emon.volumes (list $ secret keys [secret keys]): the files that it names, out of one Secret or two, and room for uploads. The dashboard has no secrets. */}}
{{- define "emon.volumes" -}}
{{- $authorities := (index . 0).Values.authorities }}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
  {{- if index . 2 }}
  - name: secrets
    projected:
      defaultMode: 0440
      sources:
        {{- range $source := rest . | chunk 2 }}
        - secret:
            name: {{ first $source }}
            items:
              {{- range last $source }}
              - {key: {{ . }}, path: {{ . }}}
              {{- end }}
        {{- end }}
        {{- if $authorities.configMap }}
        - configMap:
            name: {{ $authorities.configMap }}
            items: [{key: {{ $authorities.key }}, path: authorities.crt}]
        {{- end }}
  {{- end }}
{{- end }}
