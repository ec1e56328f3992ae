{{/* Combinations that cannot work are refused, all in one go, each in a sentence. */}}
{{- define "fieldwise.validate" -}}
{{- $wrong := list -}}
{{- $v := .Values -}}
{{- if and $v.evaluation.enabled $v.database.existingSecret -}}
{{- $wrong = append $wrong "evaluation.enabled brings a database of its own, and database.existingSecret names another: choose one." -}}
{{- end -}}
{{- if and $v.evaluation.enabled (or $v.bundles.s3.url $v.bundles.existingClaim) -}}
{{- $wrong = append $wrong "evaluation.enabled brings an object store of its own, and bundles.s3.url or bundles.existingClaim names another place: choose one." -}}
{{- end -}}
{{- if and $v.bundles.s3.url $v.bundles.existingClaim -}}
{{- $wrong = append $wrong "bundles.s3.url and bundles.existingClaim both say where bundles are: choose one." -}}
{{- end -}}
{{- if and (not $v.bundles.s3.url) (or $v.bundles.s3.existingSecret $v.bundles.s3.endpoint $v.bundles.s3.publicEndpoint $v.bundles.s3.region) -}}
{{- $wrong = append $wrong "bundles.s3 says how a bucket is reached, and bundles.s3.url not which." -}}
{{- end -}}
{{- $several := or $v.autoscaling.enabled (gt (int $v.replicaCount) 1) -}}
{{- $told := ternary "autoscaling.enabled" (printf "replicaCount = %v" $v.replicaCount) $v.autoscaling.enabled -}}
{{- if and $several $v.persistence.enabled -}}
{{- $wrong = append $wrong (printf "%s: a data folder on a volume is one process's; several replicas need persistence.enabled = false." $told) -}}
{{- end -}}
{{- $why := ternary $told "persistence.enabled = false" $several -}}
{{- if or $several (not $v.persistence.enabled) -}}
{{- if not (include "fieldwise.databaseSecret" .) -}}
{{- $wrong = append $wrong (printf "%s: SQLite lives in the data folder; name a PostgreSQL with database.existingSecret." $why) -}}
{{- end -}}
{{- if not $v.authority.existingSecret -}}
{{- $wrong = append $wrong (printf "%s: the fleet's authority would be lost with the Pod, and each replica would found another; make one with `fieldwise authority create` and name its Secret with authority.existingSecret." $why) -}}
{{- end -}}
{{- if not $v.publisher.existingSecret -}}
{{- $wrong = append $wrong (printf "%s: the keys that sign backbones would be lost with the Pod, and each replica would make others; make a publisher.json with `fieldwise trust init` and name its Secret with publisher.existingSecret." $why) -}}
{{- end -}}
{{- if not (or $v.bundles.existingClaim $v.bundles.s3.url $v.evaluation.enabled) -}}
{{- $wrong = append $wrong (printf "%s: bundles live in the data folder; name a bucket with bundles.s3.url, or a claim that every replica mounts with bundles.existingClaim." $why) -}}
{{- end -}}
{{- end -}}
{{- if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) -}}
{{- $wrong = append $wrong (printf "autoscaling.minReplicas = %v is above autoscaling.maxReplicas = %v." $v.autoscaling.minReplicas $v.autoscaling.maxReplicas) -}}
{{- end -}}
{{- if and $v.autoscaling.enabled (not (dig "requests" "cpu" "" $v.resources)) -}}
{{- $wrong = append $wrong "autoscaling.enabled aims at a share of the requested processors: set resources.requests.cpu." -}}
{{- end -}}
{{- with $v.podDisruptionBudget -}}
{{- if .enabled -}}
{{- $most := ternary $v.autoscaling.maxReplicas $v.replicaCount $v.autoscaling.enabled -}}
{{- $never := "no node could ever be drained" -}}
{{- if kindIs "invalid" .minAvailable -}}
{{- if kindIs "invalid" .maxUnavailable -}}
{{- $wrong = append $wrong "podDisruptionBudget.enabled needs podDisruptionBudget.minAvailable or podDisruptionBudget.maxUnavailable." -}}
{{- else if eq (trimSuffix "%" (toString .maxUnavailable)) "0" -}}
{{- $wrong = append $wrong (printf "podDisruptionBudget.maxUnavailable = %v: %s." .maxUnavailable $never) -}}
{{- end -}}
{{- else if or (eq (toString .minAvailable) "100%") (and (not (kindIs "string" .minAvailable)) (ge (int .minAvailable) (int $most))) -}}
{{- $wrong = append $wrong (printf "podDisruptionBudget.minAvailable = %v of %v replicas: %s." .minAvailable $most $never) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $side := list "devices" "operators" -}}
{{- $place := index $v $side -}}
{{- if and $place.ingress.enabled (not $place.ingress.host) -}}
{{- $wrong = append $wrong (printf "%s.ingress.enabled needs %s.ingress.host: TLS that is not opened is led by host name." $side $side) -}}
{{- end -}}
{{- if and $place.route.enabled (not (and $place.route.hostnames $place.route.parentRefs)) -}}
{{- $wrong = append $wrong (printf "%s.route.enabled needs %s.route.hostnames and %s.route.parentRefs." $side $side $side) -}}
{{- end -}}
{{- end -}}
{{- if and $v.devices.ingress.enabled $v.operators.ingress.enabled $v.devices.ingress.host (eq $v.devices.ingress.host $v.operators.ingress.host) -}}
{{- $wrong = append $wrong (printf "devices.ingress.host and operators.ingress.host are both %s: behind one port the two are told apart by host name." $v.devices.ingress.host) -}}
{{- end -}}
{{- if and $v.devices.route.enabled $v.operators.route.enabled (eq (toJson $v.devices.route.parentRefs) (toJson $v.operators.route.parentRefs)) -}}
{{- range $host := $v.devices.route.hostnames -}}
{{- if has $host $v.operators.route.hostnames -}}
{{- $wrong = append $wrong (printf "devices.route.hostnames and operators.route.hostnames both hold %s, behind the same Gateway: there the two are told apart by host name." $host) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $v.operators.publicIngress -}}
{{- if .enabled -}}
{{- if not .host -}}
{{- $wrong = append $wrong "operators.publicIngress.enabled needs operators.publicIngress.host." -}}
{{- else if has .host (list $v.operators.ingress.host $v.devices.ingress.host) -}}
{{- $wrong = append $wrong (printf "operators.publicIngress.host = %s: TLS of a host is either led on or ended; take another host." .host) -}}
{{- end -}}
{{- if and .certificate.enabled (not .certificate.issuerRef) -}}
{{- $wrong = append $wrong "operators.publicIngress.certificate.enabled needs operators.publicIngress.certificate.issuerRef." -}}
{{- end -}}
{{- if not (or .certificate.enabled .existingSecret) -}}
{{- $wrong = append $wrong "operators.publicIngress.enabled needs a certificate: operators.publicIngress.existingSecret or operators.publicIngress.certificate.enabled." -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $v.kubernetes.login.enabled $v.operatorToken.existingSecret -}}
{{- $wrong = append $wrong "kubernetes.login.enabled knows operators by the cluster, and operatorToken.existingSecret would open nothing: leave it out." -}}
{{- end -}}
{{- if $v.oidc.issuer -}}
{{- if $v.kubernetes.login.enabled -}}
{{- $wrong = append $wrong "oidc.issuer and kubernetes.login.enabled are two ways to know operators: choose one." -}}
{{- end -}}
{{- if not $v.oidc.roles -}}
{{- $wrong = append $wrong "oidc.issuer lets nobody do anything before oidc.roles gives somebody a role." -}}
{{- end -}}
{{- if $v.operatorToken.existingSecret -}}
{{- $wrong = append $wrong "oidc.issuer knows operators, and operatorToken.existingSecret would open nothing: leave it out." -}}
{{- end -}}
{{- if $v.test.enabled -}}
{{- $wrong = append $wrong "helm test has no token of oidc.issuer: set test.enabled = false." -}}
{{- end -}}
{{- end -}}
{{- if and (include "fieldwise.asksCluster" .) (eq (include "fieldwise.serviceAccountName" .) "default") -}}
{{- $wrong = append $wrong "kubernetes.leaderElection, kubernetes.login and federation.jobs would give rights to the account `default`, which every Pod of the namespace has: set serviceAccount.create = true or serviceAccount.name." -}}
{{- end -}}
{{- if gt (len (include "fieldwise.hosts" . | fromJsonArray)) 16 -}}
{{- $wrong = append $wrong (printf "The server's certificate would name %d hosts, and has room for 16: see extraHosts and the host names of devices and operators." (len (include "fieldwise.hosts" . | fromJsonArray))) -}}
{{- end -}}
{{- if and $v.test.enabled (not $v.authority.existingSecret) (has "ReadWriteOncePod" $v.persistence.accessModes) -}}
{{- $wrong = append $wrong "test.enabled reads the authority's certificate from the volume, which ReadWriteOncePod forbids a second Pod: set test.enabled = false, or keep the authority in authority.existingSecret." -}}
{{- end -}}
{{- $least := add (ceil (include "fieldwise.drainSeconds" . | float64)) $v.preStopSeconds -}}
{{- if lt (int (include "fieldwise.graceSeconds" .)) (int $least) -}}
{{- $wrong = append $wrong (printf "terminationGracePeriodSeconds = %v kills the Pod before preStopSeconds and settings.drain_seconds, %v together, are over." $v.terminationGracePeriodSeconds $least) -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "\n\n%s\n" (join "\n" $wrong)) -}}
{{- end -}}
{{- end -}}
