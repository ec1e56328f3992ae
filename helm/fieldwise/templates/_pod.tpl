{{/* The orchestrator's Pod, the same in a StatefulSet and in a Deployment. */}}
{{- define "fieldwise.pod" -}}
{{- $selector := include "fieldwise.selectorLabels" (list . "orchestrator") | fromYaml -}}
metadata:
  {{- $told := include "fieldwise.settingsFile" . }}
  {{- if .Values.federation.jobs.enabled }}
  {{- $told = print $told (include "fieldwise.job" .) }}
  {{- end }}
  {{- $checksum := dict "checksum/settings" (sha256sum $told) }}
  {{- $_ := set $checksum "kubectl.kubernetes.io/default-container" "orchestrator" }}
  {{- include "fieldwise.metadata" (list . "orchestrator" .Values.podLabels .Values.podAnnotations $checksum) | nindent 2 }}
spec:
  serviceAccountName: {{ include "fieldwise.serviceAccountName" . }}
  automountServiceAccountToken: {{ ne (include "fieldwise.asksCluster" .) "" }}
  # A Service's variables would pass for settings of the program.
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  terminationGracePeriodSeconds: {{ include "fieldwise.graceSeconds" . }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    {{- $own := ternary dict (dict "labelSelector" (dict "matchLabels" $selector)) (hasKey . "labelSelector") }}
    {{- list (merge $own .) | toYaml | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- if .Values.evaluation.enabled }}
  initContainers:
    - name: bucket
      image: {{ include "fieldwise.image" (list . .Values.image) }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [python, -c]
      args:
        - |
          {{- .Files.Get "files/evaluation/bucket.py" | trim | nindent 10 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      env:
        - name: BUCKET
          value: {{ include "fieldwise.evaluationBucket" . }}
        - name: BUCKET_ENDPOINT
          value: {{ include "fieldwise.evaluationEndpoint" . }}
        {{- include "fieldwise.bucketEnv" . | nindent 8 }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- end }}
  containers:
    - name: orchestrator
      image: {{ include "fieldwise.image" (list . .Values.image) }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [fieldwise]
      args: [serve]
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      env:
        - name: FIELDWISE_CONFIG
          value: /etc/fieldwise/fieldwise.toml
        {{- if include "fieldwise.hasToken" . }}
        - name: FIELDWISE_OPERATOR_TOKEN
          valueFrom:
            secretKeyRef:
              name: {{ include "fieldwise.tokenSecret" . }}
              key: {{ include "fieldwise.tokenKey" . }}
        {{- end }}
        {{- with include "fieldwise.databaseEnv" . }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with include "fieldwise.bucketEnv" . }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- tpl (toYaml .) $ | nindent 8 }}
        {{- end }}
      {{- with .Values.extraEnvFrom }}
      envFrom:
        {{- tpl (toYaml .) $ | nindent 8 }}
      {{- end }}
      ports:
        - name: devices
          containerPort: 8443
          protocol: TCP
        - name: operators
          containerPort: 8444
          protocol: TCP
        - name: metrics
          containerPort: 9464
          protocol: TCP
        {{- if include "fieldwise.probedByGrpc" . }}
        - name: health
          containerPort: 9465
          protocol: TCP
        {{- end }}
      {{- range $probe, $service := dict "startupProbe" "liveness" "livenessProbe" "liveness" "readinessProbe" "readiness" }}
      {{ $probe }}:
        {{- if include "fieldwise.probedByGrpc" $ }}
        grpc:
          port: 9465  # Kubernetes takes no name here
          service: {{ $service }}
        {{- else }}
        httpGet:
          path: {{ ternary "/readyz" "/healthz" (eq $service "readiness") }}
          port: metrics
        {{- end }}
        {{- toYaml (index $.Values $probe) | nindent 8 }}
      {{- end }}
      {{- with .Values.preStopSeconds }}
      lifecycle:
        preStop:
          exec:
            command: [sleep, {{ . | quote }}]
      {{- end }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - name: settings
          mountPath: /etc/fieldwise/fieldwise.toml
          subPath: fieldwise.toml
          readOnly: true
        {{- if .Values.federation.jobs.enabled }}
        - name: settings
          mountPath: /etc/fieldwise/job/job.json
          subPath: job.json
          readOnly: true
        {{- end }}
        - name: data
          mountPath: /var/lib/fieldwise
        - name: scratch
          mountPath: /tmp
        {{- if .Values.authority.existingSecret }}
        - name: authority
          mountPath: /etc/fieldwise/authority
          readOnly: true
        {{- end }}
        {{- if and .Values.oidc.issuer .Values.oidc.ca.existingConfigMap }}
        - name: oidc
          mountPath: /etc/fieldwise/oidc
          readOnly: true
        {{- end }}
        {{- if .Values.publisher.existingSecret }}
        - name: publisher
          mountPath: /etc/fieldwise/publisher
          readOnly: true
        {{- end }}
        {{- if .Values.bundles.existingClaim }}
        - name: bundles
          mountPath: /var/lib/fieldwise/bundles
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- tpl (toYaml .) $ | nindent 8 }}
        {{- end }}
  volumes:
    - name: settings
      configMap:
        name: {{ include "fieldwise.fullname" . }}
    - name: data
      {{- if .Values.persistence.enabled }}
      persistentVolumeClaim:
        claimName: {{ include "fieldwise.dataClaim" . }}
      {{- else }}
      emptyDir: {}
      {{- end }}
    - name: scratch
      emptyDir: {}
    {{- with .Values.authority.existingSecret }}
    - name: authority
      secret:
        secretName: {{ . }}
        defaultMode: 0440
        items:
          - key: {{ $.Values.authority.key }}
            path: authority.json
    {{- end }}
    {{- if and .Values.oidc.issuer .Values.oidc.ca.existingConfigMap }}
    - name: oidc
      configMap:
        name: {{ .Values.oidc.ca.existingConfigMap }}
        items:
          - key: {{ .Values.oidc.ca.key }}
            path: ca.crt
    {{- end }}
    {{- with .Values.publisher.existingSecret }}
    - name: publisher
      secret:
        secretName: {{ . }}
        defaultMode: 0440
        items:
          - key: {{ $.Values.publisher.key }}
            path: publisher.json
    {{- end }}
    {{- with .Values.bundles.existingClaim }}
    - name: bundles
      persistentVolumeClaim:
        claimName: {{ . }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
{{- end -}}
