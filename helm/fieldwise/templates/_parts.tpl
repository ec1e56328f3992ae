{{/* What several templates have to agree on. */}}

{{/* Not empty where several Pods may run at once, each without a data folder that lasts. */}}
{{- define "fieldwise.replicated" -}}
{{- if not .Values.persistence.enabled -}}true{{- end -}}
{{- end -}}

{{/* The rights of a role, as orchestrator/people/roles.py has them: context and role. */}}
{{- define "fieldwise.rightsOf" -}}
{{- range $resource, $verbs := index ((index . 0).Files.Get "files/roles.json" | fromJson) (index . 1) }}
- apiGroups: [fieldwise.dev]
  resources: [{{ $resource }}]
  verbs: [{{ join ", " $verbs }}]
{{- end }}
{{- end -}}

{{/* Not empty where the operators' one token opens something. */}}
{{- define "fieldwise.hasToken" -}}
{{- if not (or .Values.kubernetes.login.enabled .Values.oidc.issuer) -}}true{{- end -}}
{{- end -}}

{{/* Not empty where the program calls the cluster's API. */}}
{{- define "fieldwise.asksCluster" -}}
{{- if or .Values.kubernetes.leaderElection.enabled .Values.kubernetes.login.enabled .Values.federation.jobs.enabled -}}true{{- end -}}
{{- end -}}

{{/* Not empty where the cluster asks by gRPC; its kubelets can since 1.24. */}}
{{- define "fieldwise.probedByGrpc" -}}
{{- $can := semverCompare ">=1.24.0-0" .Capabilities.KubeVersion.Version -}}
{{- if or (eq .Values.probes.kind "grpc") (and (eq .Values.probes.kind "auto") $can) -}}true{{- end -}}
{{- end -}}

{{/* Not empty where the cluster chooses the number of replicas, and can. */}}
{{- define "fieldwise.autoscaled" -}}
{{- if and .Values.autoscaling.enabled (.Capabilities.APIVersions.Has "autoscaling/v2") -}}true{{- end -}}
{{- end -}}

{{- define "fieldwise.tokenSecret" -}}
{{- .Values.operatorToken.existingSecret | default (printf "%s-operator-token" (include "fieldwise.fullname" .)) -}}
{{- end -}}

{{- define "fieldwise.tokenKey" -}}
{{- ternary .Values.operatorToken.key "token" (ne .Values.operatorToken.existingSecret "") -}}
{{- end -}}

{{/* The Secret with the database's URL, or nothing where it is SQLite. */}}
{{- define "fieldwise.databaseSecret" -}}
{{- if .Values.database.existingSecret -}}
{{- .Values.database.existingSecret -}}
{{- else if .Values.evaluation.enabled -}}
{{- include "fieldwise.fullname" . }}-postgresql
{{- end -}}
{{- end -}}

{{- define "fieldwise.databaseKey" -}}
{{- ternary .Values.database.key "url" (ne .Values.database.existingSecret "") -}}
{{- end -}}

{{/* The Secret with the bucket's key, or nothing where none is needed. */}}
{{- define "fieldwise.bucketSecret" -}}
{{- if .Values.bundles.s3.existingSecret -}}
{{- .Values.bundles.s3.existingSecret -}}
{{- else if .Values.evaluation.enabled -}}
{{- include "fieldwise.fullname" . }}-objects
{{- end -}}
{{- end -}}

{{/* The bucket of an evaluation, and where its object store is. */}}
{{- define "fieldwise.evaluationBucket" -}}fieldwise{{- end -}}
{{- define "fieldwise.evaluationEndpoint" -}}
http://{{ include "fieldwise.fullname" . }}-objects.{{ .Release.Namespace }}.svc:8333
{{- end -}}

{{/* The environment variables with the bucket's key, as items of a list, or nothing. */}}
{{- define "fieldwise.bucketEnv" -}}
{{- with include "fieldwise.bucketSecret" . -}}
{{- $s3 := $.Values.bundles.s3 -}}
{{- $given := ne $s3.existingSecret "" -}}
- name: FIELDWISE_BUNDLE_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ ternary $s3.accessKeyKey "accessKey" $given }}
- name: FIELDWISE_BUNDLE_SECRET_KEY
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ ternary $s3.secretKeyKey "secretKey" $given }}
{{- end -}}
{{- end -}}

{{- define "fieldwise.dataClaim" -}}
{{- .Values.persistence.existingClaim | default (printf "%s-data" (include "fieldwise.fullname" .)) -}}
{{- end -}}

{{/* The environment variable with the database's URL, as an item of a list, or nothing. */}}
{{- define "fieldwise.databaseEnv" -}}
{{- with include "fieldwise.databaseSecret" . -}}
- name: FIELDWISE_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ include "fieldwise.databaseKey" $ }}
{{- end -}}
{{- end -}}

{{- define "fieldwise.drainSeconds" -}}
{{- .Values.settings.drain_seconds | default 10 -}}
{{- end -}}

{{- define "fieldwise.graceSeconds" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{- add (ceil (include "fieldwise.drainSeconds" . | float64)) .Values.preStopSeconds 15 -}}
{{- else -}}
{{- int .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}

{{/* The settings file. JSON's forms of texts, numbers and lists are TOML's, too. */}}
{{- define "fieldwise.settingsFile" -}}
data_folder = "/var/lib/fieldwise/data"
device_listen = "0.0.0.0:8443"
operator_listen = "0.0.0.0:8444"
metrics_listen = "0.0.0.0:9464"
{{- if include "fieldwise.probedByGrpc" . }}
health_listen = "0.0.0.0:9465"
{{- end }}
advertise_hosts = {{ include "fieldwise.hosts" . }}
device_address = {{ include "fieldwise.address" (list . "devices") | toJson }}
operator_address = {{ include "fieldwise.address" (list . "operators") | toJson }}
{{- with .Values.fleetName }}
fleet = {{ toJson . }}
{{- end }}
{{- if .Values.authority.existingSecret }}
authority_file = "/etc/fieldwise/authority/authority.json"
{{- end }}
{{- if .Values.publisher.existingSecret }}
publisher_file = "/etc/fieldwise/publisher/publisher.json"
{{- end }}
{{- if .Values.bundles.existingClaim }}
bundle_folder = "/var/lib/fieldwise/bundles"
{{- end }}
{{- if .Values.bundles.s3.url }}
bundle_url = {{ toJson .Values.bundles.s3.url }}
{{- with .Values.bundles.s3.endpoint }}
bundle_endpoint = {{ toJson . }}
{{- end }}
{{- with .Values.bundles.s3.publicEndpoint }}
bundle_public_endpoint = {{ toJson . }}
{{- end }}
{{- with .Values.bundles.s3.region }}
bundle_region = {{ toJson . }}
{{- end }}
{{- else if .Values.evaluation.enabled }}
bundle_url = "s3://{{ include "fieldwise.evaluationBucket" . }}/bundles"
bundle_endpoint = {{ include "fieldwise.evaluationEndpoint" . | toJson }}
{{- end }}
{{- if .Values.kubernetes.leaderElection.enabled }}
leader_election = "kubernetes"
{{- end }}
{{- if or .Values.kubernetes.leaderElection.enabled .Values.federation.jobs.enabled }}
kubernetes_lease = {{ include "fieldwise.fullname" . | toJson }}
{{- end }}
{{- if .Values.federation.jobs.enabled }}
federation_job = "/etc/fieldwise/job/job.json"
federation_address = {{ printf "%s:%d" (include "fieldwise.serviceHost" (list . "operators")) (int .Values.operators.service.port) | toJson }}
{{- end }}
{{- if .Values.kubernetes.login.enabled }}
operator_login = "kubernetes"
kubernetes_audience = {{ toJson .Values.kubernetes.login.audience }}
{{- end }}
{{- with .Values.oidc }}
{{- if .issuer }}
operator_login = "oidc"
oidc_issuer = {{ toJson .issuer }}
oidc_audience = {{ toJson .audience }}
{{- with .clients }}
oidc_clients = {{ toJson . }}
{{- end }}
oidc_roles_claim = {{ toJson .rolesClaim }}
oidc_roles = [{{ range $value, $role := .roles }}{{ printf "%s=%s" $value $role | toJson }}, {{ end }}]
oidc_name_claim = {{ toJson .nameClaim }}
{{- if .ca.existingConfigMap }}
oidc_ca = "/etc/fieldwise/oidc/ca.crt"
{{- end }}
{{- end }}
{{- end }}
{{- if include "fieldwise.asksCluster" . }}
kubernetes_namespace = {{ toJson .Release.Namespace }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{ $name }} = {{ toJson $value }}
{{- end }}
{{- end -}}

{{/* What a Job that aggregates is like, as JSON; the program adds what is of one campaign. */}}
{{- define "fieldwise.job" -}}
{{- $jobs := .Values.federation.jobs -}}
{{- $container := dict "name" "aggregator" "command" (list "fieldwise-aggregator") -}}
{{- $_ := set $container "image" (include "fieldwise.image" (list . $jobs.image)) -}}
{{- $_ := set $container "imagePullPolicy" $jobs.image.pullPolicy -}}
{{- $_ := set $container "securityContext" .Values.securityContext -}}
{{- $_ := set $container "resources" $jobs.resources -}}
{{- $_ := set $container "env" (list (dict "name" "FIELDWISE_AGGREGATOR_WORK_FOLDER" "value" "/tmp")) -}}
{{- $_ := set $container "volumeMounts" (list (dict "name" "scratch" "mountPath" "/tmp")) -}}
{{- $pod := dict "restartPolicy" "OnFailure" "automountServiceAccountToken" false "enableServiceLinks" false -}}
{{- $_ := set $pod "serviceAccountName" "default" -}}
{{- $_ := set $pod "securityContext" .Values.podSecurityContext -}}
{{- $_ := set $pod "containers" (list $container) -}}
{{- $_ := set $pod "volumes" (list (dict "name" "scratch" "emptyDir" dict)) -}}
{{- range $name := list "imagePullSecrets" "nodeSelector" "tolerations" -}}
{{- with index $.Values $name -}}{{- $_ := set $pod $name . -}}{{- end -}}
{{- end -}}
{{- $metadata := include "fieldwise.metadata" (list . "aggregator" dict $jobs.podAnnotations) | fromYaml -}}
{{- $spec := dict "backoffLimit" (int $jobs.backoffLimit) "template" (dict "metadata" $metadata "spec" $pod) -}}
{{- $kind := ternary "Deployment" "StatefulSet" (ne (include "fieldwise.replicated" .) "") -}}
{{- dict "owner" (printf "%s/%s" $kind (include "fieldwise.fullname" .)) "spec" $spec | toPrettyJson -}}
{{- end -}}

{{- define "fieldwise.publicSecret" -}}
{{- .Values.operators.publicIngress.existingSecret | default (printf "%s-operators-tls" (include "fieldwise.fullname" .)) -}}
{{- end -}}
