{{/* Where files from Secrets and the ConfigMap of authorities are mounted. */}}
{{- define "emon.folder" }}/run/secrets/emon{{ end }}

{{- define "emon.authoritiesFile" }}{{ include "emon.folder" . }}/authorities.crt{{ end }}

{{/* emon.environment (list $ workload): the settings of a service in this role, by name. A role gets the passwords and keys that it uses. */}}
{{- define "emon.environment" -}}
{{- $root := index . 0 }}
{{- $it := index . 1 }}
{{- $folder := include "emon.folder" $root }}
EMON_SERVICE_HOST: 0.0.0.0
EMON_SERVICE_PORT: "8000"
EMON_OPERATIONS_HOST: 0.0.0.0
EMON_OPERATIONS_PORT: "9000"
EMON_LOG_LEVEL: {{ $root.Values.logLevel }}
EMON_PUBLIC_URL: {{ $root.Values.publicUrl }}
{{- if has $it.service (list "notifications" "dashboard") }}
EMON_DASHBOARD_URL: {{ $root.Values.dashboardUrl }}
{{- end }}
{{- if $it.hasDatabase }}
{{- include "emon.databaseUrls" (list $root $it.service) }}
{{- include "emon.kafka" $root }}
{{- end }}
{{- if eq $it.role "worker" }}
EMON_DATABASE_WORKER_PASSWORD_FILE: {{ $folder }}/postgresql_{{ $it.service }}_worker_password
EMON_KAFKA_USERNAME: {{ $it.service }}
EMON_KAFKA_PASSWORD_FILE: {{ $folder }}/kafka_{{ $it.service }}_password
{{- else if $it.hasDatabase }}
EMON_DATABASE_API_PASSWORD_FILE: {{ $folder }}/postgresql_{{ $it.service }}_api_password
{{- end }}
{{- if eq $it.service "gateway" }}
EMON_CONTACTS_URL: http://{{ include "emon.name" (list $root "contacts" "api") }}
EMON_MEETINGS_URL: http://{{ include "emon.name" (list $root "meetings" "api") }}
EMON_FEEDBACK_URL: http://{{ include "emon.name" (list $root "feedback" "api") }}
EMON_NOTIFICATIONS_URL: http://{{ include "emon.name" (list $root "notifications" "api") }}
{{- /* The worker must be told of the keys as well, but reads neither and so gets neither. */}}
EMON_ACTOR_TOKEN_PRIVATE_KEY_FILE: {{ $folder }}/actor-token.private.jwk.json
EMON_SIGNED_LINK_PUBLIC_KEY_FILE: {{ $folder }}/signed-link.public.jwk.json
{{- else if eq $it.service "dashboard" }}
EMON_GATEWAY_URL: http://{{ include "emon.name" (list $root "gateway" "api") }}
{{- else if eq $it.role "api" }}
EMON_ACTOR_TOKEN_PUBLIC_KEY_FILE: {{ $folder }}/actor-token.public.jwk.json
{{- else if eq $it.service "notifications" }}
EMON_SIGNED_LINK_PRIVATE_KEY_FILE: {{ $folder }}/signed-link.private.jwk.json
EMON_SMTP_URL_FILE: {{ $folder }}/smtp_url
{{- end }}
{{- with $root.Values.tracing.endpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ . }}
OTEL_TRACES_SAMPLER: parentbased_traceidratio
OTEL_TRACES_SAMPLER_ARG: {{ $root.Values.tracing.sampledShare | quote }}
{{- end }}
{{- with (get $root.Values.services $it.service).settings }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* emon.secretFiles (list $ workload): the keys of the Secret that become files in this role. */}}
{{- define "emon.secretFiles" -}}
{{- $it := index . 1 }}
{{- if eq $it.role "worker" }}
- postgresql_{{ $it.service }}_worker_password
- kafka_{{ $it.service }}_password
{{- if eq $it.service "notifications" }}
- signed-link.private.jwk.json
- smtp_url
{{- end }}
{{- else if $it.hasDatabase }}
- postgresql_{{ $it.service }}_api_password
{{- if eq $it.service "gateway" }}
- actor-token.private.jwk.json
- signed-link.public.jwk.json
{{- else }}
- actor-token.public.jwk.json
{{- end }}
{{- end }}
{{- end }}

{{/* emon.databaseUrls (list $ "contacts"): the database in each of its roles, without passwords. */}}
{{- define "emon.databaseUrls" -}}
{{- $postgresql := (index . 0).Values.postgresql }}
{{- $service := index . 1 }}
{{- $place := printf "%s:%v/%s" $postgresql.host $postgresql.port $service }}
EMON_DATABASE_OWNER_URL: postgresql://{{ $service }}_owner@{{ $place }}
EMON_DATABASE_API_URL: postgresql://{{ $service }}_api@{{ $place }}
EMON_DATABASE_WORKER_URL: postgresql://{{ $service }}_worker@{{ $place }}
{{- include "emon.postgresqlTls" (index . 0) }}
{{- end }}

{{/* libpq's own variables, which asyncpg reads as well. */}}
{{- define "emon.postgresqlTls" }}
PGSSLMODE: {{ .Values.postgresql.sslMode }}
{{- if .Values.authorities.configMap }}
PGSSLROOTCERT: {{ include "emon.authoritiesFile" . }}
{{- end }}
{{- end }}

{{- define "emon.kafka" }}
EMON_KAFKA_BOOTSTRAP: {{ .Values.kafka.bootstrap }}
EMON_KAFKA_SASL_MECHANISM: {{ .Values.kafka.saslMechanism }}
EMON_KAFKA_TLS: {{ .Values.kafka.tls | quote }}
{{- if and .Values.kafka.tls .Values.authorities.configMap }}
EMON_KAFKA_AUTHORITIES_FILE: {{ include "emon.authoritiesFile" . }}
{{- end }}
{{- end }}

{{/* emon.env "NAME: value …": the same as a list, in the order of names. */}}
{{- define "emon.env" -}}
{{- range $name, $value := fromYaml . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
