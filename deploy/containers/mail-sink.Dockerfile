# The platform's own mail sink, on Mailpit's ports, for trying the platform out where Mailpit's image cannot be pulled.
ARG OPERATOR_IMAGE
FROM ${OPERATOR_IMAGE}
USER 0:0
RUN install -d -o 10001 -g 10001 -m 700 /data
USER 10001:10001
VOLUME /data
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/app/healthy", "8025", "/readyz"]
ENTRYPOINT ["/opt/emon/bin/python", "-m", "emon_embedded.mail_sink"]
CMD ["--host", "0.0.0.0", "--smtp-port", "1025", "--http-port", "8025", "--folder", "/data"]
