{{/* What there is: each service with its roles, and whether its worker listens to Kafka, in a consumer group of its name. */}}
{{- define "emon.services" -}}
contacts: {roles: [api, worker], consumes: false}
meetings: {roles: [api, worker], consumes: true}
feedback: {roles: [api, worker], consumes: true}
notifications: {roles: [api, worker], consumes: true}
gateway: {roles: [api, worker], consumes: true}
dashboard: {roles: [api], consumes: false}
{{- end }}

{{/*
A list of all that runs for good: service, role, name, and the values of that role as this service has them. Each element is all
that the templates below need besides the root.
*/}}
{{- define "emon.workloads" -}}
{{- range $service, $facts := include "emon.services" . | fromYaml }}
{{- range $role := $facts.roles }}
{{- $chosen := mergeOverwrite (deepCopy (get $.Values $role)) (get (get $.Values.services $service) $role) }}
- service: {{ $service }}
  role: {{ $role }}
  name: {{ include "emon.name" (list $ $service $role) }}
  consumes: {{ $facts.consumes }}
  hasDatabase: {{ has "worker" $facts.roles }}
  {{- toYaml $chosen | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* The services with a database, as a list. */}}
{{- define "emon.databases" -}}
{{- range $service, $facts := include "emon.services" . | fromYaml }}
{{- if has "worker" $facts.roles }}
- {{ $service }}
{{- end }}
{{- end }}
{{- end }}
