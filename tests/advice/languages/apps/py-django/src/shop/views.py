from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from rest_framework.decorators import api_view
from rest_framework.response import Response


@api_view(["GET"])
def health(request):
    from django.contrib.auth.models import User
    call_command("migrate", verbosity=0)
    return Response({"app": "py-django", "users": User.objects.count(), "hash": make_password("x").split("$")[0]})
