{{/* emon.name (list $ "contacts" "api"): the release's name, and what of it this is. */}}
{{- define "emon.name" -}}
{{- $root := first . -}}
{{- prepend (rest .) $root.Release.Name | join "-" | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{/* emon.selector (list $ "contacts" "api"): what tells these pods from all others, for good. */}}
{{- define "emon.selector" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/component: {{ index . 2 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end }}

{{/* emon.labels $: what everything of this release bears. */}}
{{- define "emon.labels" -}}
app.kubernetes.io/part-of: emon
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* emon.image (list $ "contacts") */}}
{{- define "emon.image" -}}
{{- $root := index . 0 -}}
{{- $images := $root.Values.images -}}
{{- $digest := get $images.digests (index . 1) -}}
{{ $images.prefix }}/{{ index . 1 }}{{ if $digest }}@{{ $digest }}{{ else }}:{{ $images.tag | default $root.Chart.AppVersion }}{{ end }}
{{- end }}
