{{/* Names, labels and the parts that worker and jobs share. */}}

{{- define "booking.name" -}}
{{- if contains "booking-worker" .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-booking-worker" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "booking.selector" -}}
app.kubernetes.io/name: booking-worker
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "booking.labels" -}}
{{ include "booking.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "booking.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "booking.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "booking.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{- define "booking.prefix" -}}
{{ index .Values.settings "BOOKING_KAFKA__TOPIC_PREFIX" | default "booking" }}
{{- end -}}

{{- define "booking.group" -}}
{{ index .Values.settings "BOOKING_KAFKA__GROUP_ID" | default "booking-worker" }}
{{- end -}}

{{/* The settings of worker and jobs alike; what is set by hand wins. */}}
{{- define "booking.settings" -}}
{{- $own := dict "BOOKING_ENVIRONMENT" "production" "BOOKING_LOG__FORMAT" "json" -}}
{{- range $name, $value := merge (dict) .Values.settings $own }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{- define "booking.secretKeys" -}}
{{- if and .Values.secrets.create (not .Values.secrets.existingSecret) -}}
{{ keys .Values.secrets.create | sortAlpha | toJson }}
{{- else -}}
{{ .Values.secrets.keys | toJson }}
{{- end -}}
{{- end -}}

{{/* Which file holds which secret; the URL's may be the owner's. Of: root, owner. */}}
{{- define "booking.secretFiles" -}}
{{- range $key := include "booking.secretKeys" .root | fromJsonArray }}
- name: {{ $key }}_FILE
  {{- if and $.owner (eq $key "BOOKING_DATABASE__URL") }}
  value: /run/secrets/owner/{{ $.owner.key }}
  {{- else }}
  value: /run/secrets/booking/{{ $key }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "booking.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "booking.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "booking.mounts" -}}
- { name: run, mountPath: /run/booking }
- { name: secrets, mountPath: /run/secrets/booking, readOnly: true }
{{- if .Values.tls.existingSecret }}
- { name: tls, mountPath: /etc/booking/tls, readOnly: true }
{{- end }}
{{- end -}}

{{/* Of: the release, and the name of the Secret. */}}
{{- define "booking.volumes" -}}
- name: run
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
- name: secrets
  secret: { secretName: {{ .secret }}, defaultMode: 0440 }
{{- if .root.Values.tls.existingSecret }}
- name: tls
  secret: { secretName: {{ .root.Values.tls.existingSecret }}, defaultMode: 0440 }
{{- end }}
{{- end -}}

{{/* A job before an install or upgrade. Of: root, name, arguments, deadline. It brings what it needs
along: on the first install nothing else of the release is there yet. */}}
{{- define "booking.job" -}}
{{- $full := printf "%s-%s" (include "booking.name" .root) .name -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $full }}
  labels:
    {{- include "booking.labels" .root | nindent 4 }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: {{ .weight | quote }}
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 3
  activeDeadlineSeconds: {{ .deadline }}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: booking-{{ .name }}
        app.kubernetes.io/instance: {{ .root.Release.Name }}
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- with .root.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "booking.podSecurity" .root | nindent 8 }}
      containers:
        - name: {{ .name }}
          image: {{ include "booking.image" .root }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: {{ .arguments | toJson }}
          securityContext:
            {{- include "booking.containerSecurity" .root | nindent 12 }}
          envFrom:
            - configMapRef: { name: {{ include "booking.name" .root }}-before }
          env:
            {{- include "booking.secretFiles" . | nindent 12 }}
          resources:
            requests: { cpu: 100m, memory: 128Mi }
            limits: { memory: 256Mi }
          volumeMounts:
            {{- include "booking.mounts" .root | nindent 12 }}
            {{- if .owner }}
            - { name: owner, mountPath: /run/secrets/owner, readOnly: true }
            {{- end }}
      volumes:
        {{- $secret := .root.Values.secrets.existingSecret | default (printf "%s-before" (include "booking.name" .root)) }}
        {{- include "booking.volumes" (dict "root" .root "secret" $secret) | nindent 8 }}
        {{- if .owner }}
        - name: owner
          secret: { secretName: {{ .owner.existingSecret }}, defaultMode: 0440 }
        {{- end }}
{{- end -}}
