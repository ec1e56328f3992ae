{{/* Names, labels and images. Selectors hold no version: they may never change. */}}

{{- define "fieldwise.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "fieldwise.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "fieldwise.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Of what is not in a namespace. */}}
{{- define "fieldwise.wideName" -}}
{{- printf "%s-%s" .Release.Namespace (include "fieldwise.fullname" .) | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "fieldwise.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "fieldwise.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* Of a list of the root and a component. */}}
{{- define "fieldwise.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "fieldwise.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels and annotations: of a list of the root, a component, further labels, and any number of
     mappings of annotations. What is further never replaces what is recommended. */}}
{{- define "fieldwise.metadata" -}}
{{- $root := index . 0 -}}
{{- $labels := include "fieldwise.selectorLabels" . | fromYaml -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") -}}
{{- $_ := set $labels "app.kubernetes.io/version" ($root.Chart.AppVersion | replace "+" "_") -}}
{{- $_ := set $labels "app.kubernetes.io/part-of" "fieldwise" -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $metadata := dict "labels" (merge $labels (index . 2) $root.Values.commonLabels) -}}
{{- $annotations := deepCopy $root.Values.commonAnnotations -}}
{{- range slice . 3 -}}{{- $annotations = mergeOverwrite $annotations . -}}{{- end -}}
{{- with $annotations -}}{{- $_ := set $metadata "annotations" . -}}{{- end -}}
{{- toYaml $metadata -}}
{{- end -}}

{{/* Of a list of the root and an image's values. */}}
{{- define "fieldwise.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $name := printf "%s:%s" $image.repository ($image.tag | default $root.Chart.AppVersion) -}}
{{- with $image.registry -}}{{- $name = printf "%s/%s" . $name -}}{{- end -}}
{{- with $image.digest -}}{{- $name = printf "%s@%s" $name . -}}{{- end -}}
{{- $name -}}
{{- end -}}
