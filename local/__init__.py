"""The local gateway: reads ``template.yaml`` and runs the same functions as AWS does, without AWS."""
