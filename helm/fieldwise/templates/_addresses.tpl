{{/* Under which names the program is reached. */}}

{{/* Of a list of the root and "devices" or "operators": the Service's name in the cluster. */}}
{{- define "fieldwise.serviceHost" -}}
{{- $root := index . 0 -}}
{{- printf "%s-%s.%s.svc" (include "fieldwise.fullname" $root) (index . 1) $root.Release.Namespace -}}
{{- end -}}

{{/* Of the same: host:port as it is told outside. */}}
{{- define "fieldwise.address" -}}
{{- $root := index . 0 -}}
{{- $place := index $root.Values (index . 1) -}}
{{- if $place.address -}}
{{- $place.address -}}
{{- else if $place.ingress.enabled -}}
{{- printf "%s:443" $place.ingress.host -}}
{{- else if and $place.route.enabled $place.route.hostnames -}}
{{- printf "%s:443" (first $place.route.hostnames) -}}
{{- else -}}
{{- printf "%s:%v" (include "fieldwise.serviceHost" .) $place.service.port -}}
{{- end -}}
{{- end -}}

{{/* A JSON list of every host in the server's certificate. */}}
{{- define "fieldwise.hosts" -}}
{{- $root := . -}}
{{- $hosts := list -}}
{{- range $side := list "operators" "devices" -}}
{{- $place := index $root.Values $side -}}
{{- $told := include "fieldwise.address" (list $root $side) -}}
{{- $hosts = append $hosts (regexReplaceAll ":[0-9]+$" $told "" | trimPrefix "[" | trimSuffix "]") -}}
{{- if $place.ingress.enabled -}}{{- $hosts = append $hosts $place.ingress.host -}}{{- end -}}
{{- if $place.route.enabled -}}{{- $hosts = concat $hosts $place.route.hostnames -}}{{- end -}}
{{- end -}}
{{- $hosts = concat $hosts .Values.extraHosts -}}
{{- range $side := list "operators" "devices" -}}
{{- $hosts = append $hosts (include "fieldwise.serviceHost" (list $root $side)) -}}
{{- $hosts = append $hosts (printf "%s-%s" (include "fieldwise.fullname" $root) $side) -}}
{{- end -}}
{{- uniq $hosts | toJson -}}
{{- end -}}
